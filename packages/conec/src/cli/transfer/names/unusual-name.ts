/**
 * Names that are safe for the file system and still no name that a receiver expects: hidden files at the top of the
 * receiving directory, which programs may obey (`.bashrc`, `.ssh`), short names that stand for such files on Windows, and names
 * that look like others. Pure.
 *
 * @module
 */

/** Why a receiver has to allow a name, in words that follow "it" or "its name", or `undefined` for an ordinary one. */
export function unusualName(components: readonly string[]): string | undefined {
	if (components[0]?.startsWith(".")) return "begins with a dot";
	if (SHORT_NAME.test(components[0] ?? "")) return "may be the short name of another file";
	return components.some(hasInvisible) ? INVISIBLE_WORDS : undefined;
}

/** The same for a name directly below a directory that was already looked at: there a dot is ordinary. */
export function unusualNameBelow(component: string): string | undefined {
	return hasInvisible(component) ? INVISIBLE_WORDS : undefined;
}

/** As Windows gives a long name, or one with a dot in front, a second name of the form 8.3: `BASHRC~1` for `.bashrc`. Rather too many than too few. */
const SHORT_NAME = /^[^.]{0,6}~\d+(?:\.|$)/u;

const INVISIBLE_WORDS = "has invisible characters, or ones that change the direction of writing";

/**
 * Format characters (Cf, with direction overrides, zero-width characters and tags) and everything else that Unicode says
 * to show as nothing. Variation selectors 15 and 16 stay ordinary: they choose between text and emoji.
 */
function hasInvisible(component: string): boolean {
	return INVISIBLE.test(component);
}

const INVISIBLE = /(?![\ufe0e\ufe0f])[\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
