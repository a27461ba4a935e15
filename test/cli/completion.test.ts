/** What the shells offer with the scripts of `conec completion`, in the shells themselves. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folder, outcome } from "./harness.ts";

/** What is typed, and all that is offered for its last word. */
const CASES: readonly (readonly [typed: string, offered: readonly string[]])[] = [
	["conec c", ["certs", "chat", "completion", "coordinator"]],
	["conec help pi", ["ping", "pipe"]],
	["conec ping --pa", ["--path"]],
	["conec ping --path ", ["auto", "direct", "proxied"]],
	["conec ping --path p", ["proxied"]],
	["conec coordinator --log-level d", ["debug"]],
	["conec broadcast news --slow-reader d", ["disconnect", "drop-newest", "drop-oldest"]],
	["conec send a", ["a file.txt", "abc.pem"]],
	["conec peers --ca ab", ["abc.pem"]],
	["conec receive --dir d", ["dir one"]],
	["conec certs s", ["show"]],
	["conec certs show ab", ["abc.pem"]],
	["conec completion ", ["bash", "fish", "zsh"]],
	["conec peers --watch a", []],
	["conec nonsense a", []],
];

/** For each of the lines, what is offered for its last word. One shell takes them all. */
type Offers = (script: string, lines: readonly string[], directory: string) => string[][];

const SHELLS: Readonly<Record<string, Offers>> = {
	bash(script, lines, directory) {
		const calls = lines.map((typed) => {
			// As bash cuts a line into words: also at =.
			const words = [...(typed.match(/=|[^\s=]+/g) ?? []), ...(/\s$/.test(typed) ? [""] : [])];
			return `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _conec; (( \${#COMPREPLY[@]} )) && printf '%s\\n' "\${COMPREPLY[@]}"; echo END`;
		});
		return offeredBy("bash", ["--norc", "-c", `source "$1"; ${calls.join("; ")}`, "bash", script], directory);
	},
	fish(script, lines, directory) {
		const program = 'source $argv[1]; for line in $argv[2..]; complete -C "$line"; echo END; end';
		const offered = offeredBy("fish", ["--no-config", "-c", program, script, ...lines], directory);
		return offered.map((words) => words.map((word) => word.replace(/\t.*/, "").replace(/\/$/, "")));
	},
	zsh(script, lines, directory) {
		return offeredBy("zsh", ["-f", "-c", ZSH, "zsh", script, ...lines], directory);
	},
};

/** An interactive zsh in a terminal of its own, in which everything that is offered is printed, too. */
const ZSH = String.raw`
zmodload zsh/zpty
zpty z zsh -f -i
say() { zpty -w z "$1" }
say 'PROMPT=; RPROMPT=; autoload -U compinit && compinit -D -u'
say "source \${(q)1}"
say "bindkey '^I' complete-word; zstyle ':completion:*' completer _complete"
say 'compadd() { [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return $? }; typeset -a hits; builtin compadd -A hits "$@"; (( $#hits )) && print -l -- "HIT:"\${^hits}; builtin compadd "$@" }'
say 'print READY-""NOW'
zpty -r -m z junk '*READY-NOW*'
shift
integer round=0
for typed; do
	round+=1
	zpty -w -n z "$typed"$'\t'
	zpty -w -n z $'\C-u'"print DO\"\"NE-$round."$'\n'
	zpty -r -m z out "*DONE-$round.*"
	print -r -- $out | tr -d '\r' | grep -o 'HIT:.*' | sed 's/^HIT://'
	print END
done
`.replaceAll("\\${", "${");

for (const [shell, offers] of Object.entries(SHELLS)) {
	const missing = spawnSync(shell, ["--version"]).error !== undefined;
	test(`completion: ${shell} offers commands, options, their values and files`, { skip: missing ? `${shell} is not installed` : false }, async (t) => {
		const [script, directory] = await scriptFor(shell, t);
		const offered = offers(
			script,
			CASES.map(([typed]) => typed),
			directory,
		);
		assert.deepEqual(
			CASES.map(([typed], index) => [typed, [...new Set(offered[index])].sort()]),
			CASES.map(([typed, words]) => [typed, words]),
		);
	});
}

const noBash = spawnSync("bash", ["--version"]).error !== undefined;
test("completion: bash cuts --path=d into three words, and it is completed all the same", { skip: noBash ? "bash is not installed" : false }, async (t) => {
	const [script, directory] = await scriptFor("bash", t);
	const offered = SHELLS["bash"]?.(script, ["conec ping --path=d", "conec ping --path="], directory);
	assert.deepEqual(offered?.slice(0, 2), [["direct"], ["auto", "direct", "proxied"]]);
});

test("completion: a shell that is not known is a usage error that names those that are", async () => {
	const result = await outcome(["completion", "powershell"]);
	assert.equal(result.status, 2);
	assert.match(result.stderr, /SHELL must be bash, zsh, fish, not "powershell"/);
});

async function scriptFor(shell: string, t: TestContext): Promise<[script: string, directory: string]> {
	const made = await folder(t);
	const { status, stdout, stderr } = await outcome(["completion", shell]);
	assert.equal(status, 0, stderr);
	const script = join(made, "script");
	const directory = join(made, "directory");
	await writeFile(script, stdout);
	await mkdir(join(directory, "dir one"), { recursive: true });
	await Promise.all(["a file.txt", "abc.pem", "日本.txt"].map((name) => writeFile(join(directory, name), "")));
	return [script, directory];
}

/** What a program prints for each line, with `END` behind each. */
function offeredBy(program: string, args: readonly string[], directory: string): string[][] {
	const { status, stdout, stderr, error } = spawnSync(program, args, {
		cwd: directory,
		encoding: "utf8",
		timeout: 300_000,
		env: { PATH: process.env["PATH"], HOME: directory, TERM: "dumb" },
	});
	assert.equal(error, undefined, String(error));
	assert.ok(status !== null && stderr === "", `${program}: ${status} ${stderr}`);
	return stdout.split(/^END\n/m).map((part) => part.split("\n").filter((line) => line !== ""));
}
