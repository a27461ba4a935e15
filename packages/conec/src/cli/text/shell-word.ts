/**
 * Words that can be pasted into a shell.
 *
 * @module
 */

/** Characters that neither bash, zsh, fish, PowerShell nor cmd gives a meaning to, wherever they are in a word. */
const PLAIN = /^[A-Za-z0-9_.:/=-]+$/;

/** The text as one word of a command line, in quotes where it needs some. `platform` as `process.platform` says it. */
export function shellWord(text: string, platform: string): string {
	if (PLAIN.test(text) || (platform === "win32" && /^[A-Za-z0-9_.:/\\=-]+$/.test(text))) return text;
	return platform === "win32" ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`;
}
