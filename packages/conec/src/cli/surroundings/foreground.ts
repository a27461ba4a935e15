/**
 * Who has the terminal, as Linux tells it. Pure.
 *
 * @module
 */

/** Whether the text of /proc/PID/stat (proc_pid_stat(5)) is that of a process whose group has the terminal. */
export function isForegroundIn(stat: string): boolean {
	// The name before the last bracket may contain anything. Then: state, parent, group, session, terminal, group that has it.
	const [, , group, , , owner] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return group === owner;
}
