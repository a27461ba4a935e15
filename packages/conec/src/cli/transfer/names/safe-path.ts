/**
 * Decides whether a name that a peer sent may become a file below the receiving directory. Pure, and the same on every
 * platform: a name that is dangerous anywhere is refused everywhere. Links on disk are the concern of `part-file.ts`.
 *
 * @module
 */

/** The components of a safe relative path, or why it is none. */
export type SafePath = { readonly safe: true; readonly components: readonly string[] } | { readonly safe: false; readonly reason: string };

/** Longest component in bytes of UTF-8: what common file systems allow. */
export const MAX_COMPONENT_BYTES: number = 255;
/** Longest whole name in bytes of UTF-8. */
export const MAX_NAME_BYTES: number = 4_096;
/** Most components of a name. */
export const MAX_COMPONENTS: number = 64;

/**
 * Parses a received name: components separated by `/`, never absolute, never leaving the directory, never a device,
 * never ambiguous. Nothing is repaired: a name that is not safe as it stands is refused.
 */
export function parseSafePath(name: string): SafePath {
	if (name === "") return refuse("it is empty");
	if (byteLength(name) > MAX_NAME_BYTES) return refuse(`it is longer than ${MAX_NAME_BYTES} bytes`);
	if (!isWellFormed(name)) return refuse("it is not valid Unicode");
	if (CONTROL.test(name)) return refuse("it contains a control character");
	if (name.includes("\\")) return refuse("it contains a backslash");
	if (name.startsWith("/")) return refuse("it is absolute");
	const components = name.split("/");
	if (components.length > MAX_COMPONENTS) return refuse(`it has more than ${MAX_COMPONENTS} components`);
	for (const component of components) {
		const reason = componentProblem(component);
		if (reason !== undefined) return refuse(reason);
	}
	return { safe: true, components };
}

/** C0 with NUL, DEL, C1, and the separators that some programs take for line ends. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Forbidden in Windows names; `:` also names drives and alternate data streams. */
const RESERVED = /[<>:"|?*]/;

/** Device names of Windows, with or without an extension; superscript digits count as digits there. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(?:\.|$)/i;

function componentProblem(component: string): string | undefined {
	if (component === "") return "it has an empty component";
	if (component === "." || component === "..") return `it contains "${component}"`;
	if (byteLength(component) > MAX_COMPONENT_BYTES) return `a component is longer than ${MAX_COMPONENT_BYTES} bytes`;
	if (RESERVED.test(component)) return "it contains a character that is reserved on Windows";
	if (/[. ]$/.test(component)) return "a component ends with a dot or a space";
	if (component.startsWith(" ")) return "a component starts with a space";
	if (DEVICE.test(component)) return "a component is the name of a Windows device";
	return undefined;
}

function byteLength(text: string): number {
	return new TextEncoder().encode(text).length;
}

function isWellFormed(text: string): boolean {
	return !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text);
}

function refuse(reason: string): SafePath {
	return { safe: false, reason };
}
