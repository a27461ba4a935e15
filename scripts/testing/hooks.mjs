// What register.mjs puts between Node and the files.

import { access } from "node:fs/promises";

const root = new URL("../../", import.meta.url).href;
const compiled = new URL(".tmp/compiled/", root);

/** A TypeScript file is what it was compiled to. One that was made since, such as the program of a page, is left to whatever else there is. */
export async function load(url, context, next) {
	// A second copy of a module is asked for with a query.
	const [file, query = ""] = url.split(/(?=[?#])/, 2);
	if (!file.startsWith(root) || !file.endsWith(".ts")) return await next(url, context);
	const target = new URL(`${file.slice(root.length, -3)}.js`, compiled);
	try {
		await access(target);
	} catch (error) {
		if (error.code === "ENOENT") return await next(url, context);
		throw error;
	}
	return { format: "module", shortCircuit: true, source: `export * from ${JSON.stringify(target.href + query)};` };
}
