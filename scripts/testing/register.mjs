// Makes Node run the TypeScript files of this repository from `.tmp/compiled`; see compile.mjs. Their addresses stay those of the sources.

import { register } from "node:module";

register("./hooks.mjs", import.meta.url);
process.setSourceMapsEnabled(true);
