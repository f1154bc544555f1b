import { benchListing } from './listing.bench.ts';
import { tableOf } from './measure.ts';
import { benchScan } from './scan.bench.ts';

/*
 * `npm run bench`: everything against its peers, in turns, in one run. Only the ratios mean anything; milliseconds
 * are those of the machine at hand.
 */
process.stdout.write(`${tableOf([...(await benchListing()), ...(await benchScan())])}\n`);
