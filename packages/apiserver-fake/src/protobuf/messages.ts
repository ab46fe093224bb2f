/** The messages of Kubernetes' generated.proto that the server knows. */
import type { Message } from './encode.ts';

const STRINGS = ['string', 'repeated'] as const;

const OBJECT_META: Message = {
  name: [1, 'string'],
  generateName: [2, 'string'],
  namespace: [3, 'string'],
  selfLink: [4, 'string'],
  uid: [5, 'string'],
  resourceVersion: [6, 'string'],
  generation: [7, 'int'],
  creationTimestamp: [8, 'time'],
  deletionTimestamp: [9, 'time', 'pointer'],
  deletionGracePeriodSeconds: [10, 'int', 'pointer'],
  labels: [11, 'string', 'map'],
  annotations: [12, 'string', 'map'],
  ownerReferences: [
    13,
    {
      kind: [1, 'string'],
      name: [3, 'string'],
      uid: [4, 'string'],
      apiVersion: [5, 'string'],
      controller: [6, 'bool', 'pointer'],
      blockOwnerDeletion: [7, 'bool', 'pointer'],
    },
    'repeated',
  ],
  finalizers: [14, ...STRINGS],
  managedFields: [
    17,
    {
      manager: [1, 'string'],
      operation: [2, 'string'],
      apiVersion: [3, 'string'],
      time: [4, 'time', 'pointer'],
      fieldsType: [6, 'string'],
      fieldsV1: [7, 'json', 'pointer'],
      subresource: [8, 'string'],
    },
    'repeated',
  ],
};

const NODE: Message = {
  metadata: [1, OBJECT_META],
  spec: [
    2,
    {
      podCIDR: [1, 'string'],
      externalID: [2, 'string'],
      providerID: [3, 'string'],
      unschedulable: [4, 'bool'],
      taints: [
        5,
        {
          key: [1, 'string'],
          value: [2, 'string'],
          effect: [3, 'string'],
          timeAdded: [4, 'time', 'pointer'],
        },
        'repeated',
      ],
      podCIDRs: [7, ...STRINGS],
    },
  ],
  status: [
    3,
    {
      capacity: [1, 'quantity', 'map'],
      allocatable: [2, 'quantity', 'map'],
      phase: [3, 'string'],
      conditions: [
        4,
        {
          type: [1, 'string'],
          status: [2, 'string'],
          lastHeartbeatTime: [3, 'time'],
          lastTransitionTime: [4, 'time'],
          reason: [5, 'string'],
          message: [6, 'string'],
        },
        'repeated',
      ],
      addresses: [5, { type: [1, 'string'], address: [2, 'string'] }, 'repeated'],
      daemonEndpoints: [6, { kubeletEndpoint: [1, { Port: [1, 'int'] }] }],
      nodeInfo: [
        7,
        {
          machineID: [1, 'string'],
          systemUUID: [2, 'string'],
          bootID: [3, 'string'],
          kernelVersion: [4, 'string'],
          osImage: [5, 'string'],
          containerRuntimeVersion: [6, 'string'],
          kubeletVersion: [7, 'string'],
          kubeProxyVersion: [8, 'string'],
          operatingSystem: [9, 'string'],
          architecture: [10, 'string'],
        },
      ],
      images: [8, { names: [1, ...STRINGS], sizeBytes: [2, 'int'] }, 'repeated'],
      volumesInUse: [9, ...STRINGS],
      volumesAttached: [10, { name: [1, 'string'], devicePath: [2, 'string'] }, 'repeated'],
    },
  ],
};

/** Messages by kind. Other kinds are served as JSON. */
export const MESSAGES: ReadonlyMap<string, Message> = new Map([['Node', NODE]]);

export const LIST_META: Message = {
  selfLink: [1, 'string'],
  resourceVersion: [2, 'string'],
  continue: [3, 'string'],
  remainingItemCount: [4, 'int', 'pointer'],
};

export const STATUS: Message = {
  metadata: [1, LIST_META],
  status: [2, 'string'],
  message: [3, 'string'],
  reason: [4, 'string'],
  details: [
    5,
    {
      name: [1, 'string'],
      group: [2, 'string'],
      kind: [3, 'string'],
      causes: [4, { reason: [1, 'string'], message: [2, 'string'], field: [3, 'string'] }, 'repeated'],
      retryAfterSeconds: [5, 'int'],
      uid: [6, 'string'],
    },
    'pointer',
  ],
  code: [6, 'int'],
};
