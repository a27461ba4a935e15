// What register.mjs puts between Node and the files.

import { readFile } from "node:fs/promises";

const root = new URL("../../", import.meta.url).href;
const compiled = new URL(".tmp/compiled/", root);

/** A file that was made since, such as the program of a page, is left to whatever else there is. */
export async function load(url, context, next) {
	// A second copy of a module is asked for with a query.
	const [file] = url.split(/[?#]/, 1);
	if (!file.startsWith(root) || !file.endsWith(".ts")) return await next(url, context);
	try {
		return { format: "module", shortCircuit: true, source: await readFile(new URL(`${file.slice(root.length, -3)}.js`, compiled)) };
	} catch (error) {
		if (error.code === "ENOENT") return await next(url, context);
		throw error;
	}
}
