/** Generates the API documentation. A gap in it is an error. */
import { stripVTControlCharacters } from 'node:util';
import {
  Application,
  Logger,
  LogLevel,
  type ProjectReflection,
  ReflectionKind,
  type SomeType,
} from 'typedoc';
import type { Package } from './packages.ts';

/**
 * Kinds that need a comment. Properties do not: their name and type often suffice. Units, sources and limits have
 * comments.
 */
const DOCUMENTED: ReflectionKind.KindString[] = [
  'Enum',
  'EnumMember',
  'Variable',
  'Function',
  'Class',
  'Interface',
  'Method',
  'Accessor',
  'TypeAlias',
];

const SOURCES = 'https://github.com/cnikit/cnikit/blob/main/{path}#L{line}';

class Collector extends Logger {
  readonly problems: string[] = [];

  override log(message: string, level: LogLevel): void {
    if (level >= LogLevel.Warn) {
      this.problems.push(stripVTControlCharacters(message));
    }
  }
}

/** Writes docs/api. Returns the warnings of typedoc: broken links and undocumented symbols. */
export async function document(
  root: string,
  packages: readonly Package[],
  out: string,
  tsconfig: string,
): Promise<string[]> {
  const entries = new Map(
    packages.flatMap((one) => one.entries.map(([specifier, source]) => [source, specifier] as const)),
  );
  const logger = new Collector();
  const app = await Application.bootstrap({
    name: 'cnikit',
    entryPoints: [...entries.keys()],
    tsconfig,
    basePath: root,
    readme: 'none',
    disableGit: true,
    sourceLinkTemplate: SOURCES,
    // Keep the order of src/index.ts and of the members of interfaces.
    sort: ['source-order'],
    requiredToBeDocumented: DOCUMENTED,
    packagesRequiringDocumentation: packages.map(({ name }) => name),
    validation: { notExported: true, invalidLink: true, invalidPath: true, notDocumented: true },
  });
  app.logger = logger;
  const project = await app.convert();
  if (!project) {
    return logger.problems.length > 0 ? logger.problems : ['typedoc could not read the sources'];
  }
  for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
    const source = module.isDeclaration() ? module.sources?.[0]?.fullFileName : undefined;
    const specifier = source === undefined ? undefined : entries.get(source);
    if (specifier === undefined) {
      logger.problems.push(`Module ${module.name} is not an entry of a package`);
    } else {
      module.name = specifier;
    }
  }
  app.options.setValue('intentionallyNotDocumented', kernelNumbers(project));
  app.validate(project);
  if (logger.problems.length === 0) {
    await app.generateDocs(project, out);
  }
  return logger.problems;
}

/** Returns constants with the kernel's names. The header that the source cites documents them. */
function kernelNumbers(project: ProjectReflection): string[] {
  return project
    .getReflectionsByKind(ReflectionKind.Variable)
    .filter((one) => one.isDeclaration() && isNumber(one.type) && !one.hasComment())
    .filter(({ name }) => /^[A-Z][A-Z0-9_]+$/.test(name))
    .map((one) => one.getFullName());
}

function isNumber(type: SomeType | undefined): boolean {
  return type?.type === 'literal' ? typeof type.value === 'number' : `${type}` === 'number';
}
