// Compares the built public API (values and types) with the reports in .ci/api; `--update` writes them.
// A report follows types that are not exported too, as long as an exported one needs them: a changed one is a
// changed API. It has no file names, because those of the build are hashes.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../', import.meta.url));
const reports = `${root}.ci/api/`;
const update = process.argv.includes('--update');
const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

const entries = Object.entries(JSON.parse(readFileSync(`${root}package.json`, 'utf8')).exports)
  .filter(([, target]) => target.import)
  .map(([path, target]) => ({
    report: path === '.' ? 'index.txt' : `${path.slice(2).replaceAll('/', '-')}.txt`,
    types: root + target.import.types,
    code: new URL(`../${target.import.default}`, import.meta.url).href,
  }));

const program = ts.createProgram(
  entries.map(({ types }) => types),
  { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, types: [] },
);
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true });

const resolve = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
function exportsOf(file) {
  const source = program.getSourceFile(file);
  if (!source) throw new Error(`There is no ${file}: npm run build`);
  return checker.getExportsOfModule(checker.getSymbolAtLocation(source));
}

/** The statements of our own that declare a symbol; none if it is another's, or is inside of a statement. */
const statementsOf = (symbol) =>
  [
    ...new Set(
      (symbol.declarations ?? []).map((node) => (ts.isVariableDeclaration(node) ? node.parent.parent : node)),
    ),
  ].filter(
    (node) => ts.isSourceFile(node.parent) && node.getSourceFile().fileName.startsWith(`${root}dist/`),
  );

const exported = new Set(entries.flatMap(({ types }) => exportsOf(types).map(resolve)));

function reportOf(types, values) {
  const needed = new Set();
  const print = (symbol) =>
    statementsOf(symbol).map((statement) => {
      const visit = (node) => {
        const found = ts.isIdentifier(node) && checker.getSymbolAtLocation(node);
        const other = found && resolve(found);
        if (other && !exported.has(other) && statementsOf(other).length > 0) needed.add(other);
        ts.forEachChild(node, visit);
      };
      visit(statement);
      const text = printer.printNode(ts.EmitHint.Unspecified, statement, statement.getSourceFile());
      return text.replace(/^(export )?(declare )?/, '');
    });
  const ours = exportsOf(types)
    .sort((a, b) => order(a.name, b.name))
    .flatMap((symbol) => {
      const target = resolve(symbol);
      const text = print(target);
      const home = text.length > 0 ? '' : ' of another package';
      return home || target.name !== symbol.name
        ? [`${symbol.name} is ${target.name}${home}`, ...text]
        : text;
    });
  const others = [];
  for (const symbol of needed) others.push({ name: symbol.name, text: print(symbol) }); // grows as it is read
  const sorted = others.sort((a, b) => order(a.name, b.name)).flatMap(({ text }) => text);
  const rest = sorted.length > 0 ? ['// Not exported, but needed above:', ...sorted] : [];
  return `${[`values: ${values.join(', ')}`, ...ours, ...rest].join('\n\n')}\n`;
}

mkdirSync(reports, { recursive: true });
let same = true;
for (const { report, types, code } of entries) {
  const text = reportOf(types, Object.keys(await import(code)).sort(order));
  if (update) writeFileSync(reports + report, text);
  // diff exits with 1 where they differ, with 2 where there is no report yet.
  else if (
    spawnSync('diff', ['-u', reports + report, '-'], { input: text, stdio: ['pipe', 1, 2] }).status !== 0
  )
    same = false;
}
for (const stale of readdirSync(reports).filter((name) => !entries.some(({ report }) => report === name))) {
  if (update) rmSync(reports + stale);
  else same = false;
  console.log(`${stale}: no such entry`);
}
if (!same) {
  console.error('The public API changed. If it is meant: npm run build && npm run check:api -- --update');
  process.exitCode = 1;
}
