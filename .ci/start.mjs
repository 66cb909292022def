// `npm start`: serves on the embedded engine, from the sources as they are. In this very process, because it is this
// one that npm passes signals on to; by `exec`, because the shell in between would pass nothing on.
import './built.mjs';

process.argv.splice(2, 0, 'serve', '--examples');
await import('../dist/cli.js');
