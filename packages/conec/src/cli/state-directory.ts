/**
 * Where keys live between runs.
 *
 * @module
 */

import { posix, win32 } from "node:path";

/** What decides the place. */
export interface Surroundings {
	readonly platform: string;
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly homeDirectory: string;
}

/**
 * The default of `--state`: `%LOCALAPPDATA%\conec` on Windows, `~/Library/Application Support/conec` on macOS,
 * elsewhere `$XDG_STATE_HOME/conec` (ignored when relative, as its specification says) or `~/.local/state/conec`.
 */
export function defaultStateDirectory({ platform, env, homeDirectory }: Surroundings): string {
	if (platform === "win32") return win32.join(env["LOCALAPPDATA"] || win32.join(homeDirectory, "AppData", "Local"), "conec");
	if (platform === "darwin") return posix.join(homeDirectory, "Library", "Application Support", "conec");
	const stateHome = env["XDG_STATE_HOME"] ?? "";
	return posix.join(posix.isAbsolute(stateHome) ? stateHome : posix.join(homeDirectory, ".local", "state"), "conec");
}
