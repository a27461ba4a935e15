// The file lists that the shell would make, without a shell: `--test` takes globs from Node 21 on only.

import { readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";

const root = join(import.meta.dirname, "..");
const SKIPPED = new Set(["node_modules", "dist", "target", "build", ".git", ".tmp", "npm"]);

/** Files below these folders of the repository whose name matches, sorted, with forward slashes. Folders that do not exist are empty. */
export function globFiles(folders, pattern) {
	return folders
		.flatMap((folder) => walk(join(root, folder)))
		.filter((file) => pattern.test(file))
		.sort();
}

function walk(directory) {
	let entries;
	try {
		entries = readdirSync(directory, { withFileTypes: true });
	} catch (error) {
		if (error.code === "ENOENT") return [];
		throw error;
	}
	return entries.flatMap((entry) => {
		if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : walk(join(directory, entry.name));
		return [relative(root, join(directory, entry.name)).split(sep).join("/")];
	});
}
