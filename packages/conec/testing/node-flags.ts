/**
 * How a test starts Node with a file of this repository.
 *
 * @module
 */

/** The flags with which this process itself runs TypeScript, for children in any working directory. */
export const NODE_FLAGS: readonly string[] = flagsOf(process.execArgv);

function flagsOf(own: readonly string[]): string[] {
	const flags: string[] = [];
	own.forEach((flag, index) => {
		if (/^--conditions=/.test(flag)) flags.push(flag);
		const loader = flag === "--import" ? own[index + 1] : /^--import=(.*)$/s.exec(flag)?.[1];
		if (loader !== undefined) flags.push("--import", /^[a-z]+:|^[./]/.test(loader) ? loader : import.meta.resolve(loader));
	});
	return flags;
}
