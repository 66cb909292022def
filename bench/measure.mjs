/** One measurement in a process of its own: `node --expose-gc measure.mjs <case> <peer> [param]` prints a number. */
const [name, peer, param] = process.argv.slice(2);
const { default: measurement } = await import(`./cases/${name}.mjs`);
console.log(JSON.stringify(await measurement.run(peer, param === undefined ? undefined : JSON.parse(param))));
// Whatever is still scheduled is of no interest.
process.exit();
