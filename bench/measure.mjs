/**
 * One measurement in a process of its own: `node --expose-gc measure.mjs <case> <peer> [param]` prints a number. The
 * peer `prepare` makes what the others find there, and `cleanUp` removes it.
 */
const [name, peer, text] = process.argv.slice(2);
const { default: measurement } = await import(`./cases/${name}.mjs`);
const param = text === undefined ? undefined : JSON.parse(text);
const measured = await (peer === 'prepare' || peer === 'cleanUp'
  ? measurement[peer](param)
  : measurement.run(peer, param));
console.log(JSON.stringify(measured ?? null));
// Whatever is still scheduled is of no interest.
process.exit();
