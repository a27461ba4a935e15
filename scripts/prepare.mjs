// What `npm ci` and `npm install` do in the workspace. It is the root's own script because npm shows the output of that one only.

import { main as buildNative } from "../packages/quic/scripts/build-native.mjs";
import { buildDist } from "./build-dist.mjs";

await buildNative(["--if-missing"]);
const clean = await buildDist();
if (clean === undefined) console.log("TypeScript or esbuild is not installed (--omit=dev?): dist/ was not built.");
// The installation still succeeds: without node_modules nobody could mend the types.
if (clean === false) console.log("dist/ was built in spite of type errors; `npm run check` fails until they are mended.");
if (clean === true) console.log("dist/ of both packages is built.");
