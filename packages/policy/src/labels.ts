/** A label selector of the API: all of its labels and expressions must match. An empty one matches everything. */
export interface LabelSelector {
  matchLabels?: Readonly<Record<string, string>> | undefined;
  matchExpressions?: readonly LabelExpression[] | undefined;
}

/** One expression of a {@link LabelSelector}. `values` is for In and NotIn only. */
export interface LabelExpression {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values?: readonly string[] | undefined;
}

/** Labels of an object by key. */
export type Labels = Readonly<Record<string, string>>;

/** Returns whether the selector matches the labels. NotIn and DoesNotExist match where the key is absent. */
export function matches(selector: LabelSelector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  for (const key of Object.keys(matchLabels)) {
    if (labelValue(labels, key) !== matchLabels[key]) {
      return false;
    }
  }
  return matchExpressions.every((expression) => matchesExpression(expression, labels));
}

function matchesExpression({ key, operator, values = [] }: LabelExpression, labels: Labels): boolean {
  const value = labelValue(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

function labelValue(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** Label that the API server sets on each Namespace. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** Returns the labels of a namespace, with the one that the API server adds. */
export function namespaceLabels(name: string, labels: Labels | undefined): Labels {
  return { ...labels, [NAME_LABEL]: name };
}
