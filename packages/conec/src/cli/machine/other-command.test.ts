import assert from "node:assert/strict";
import { test } from "node:test";
import { commandIn, commandOf } from "./other-command.ts";

test("other command: the arguments of a process tell which it is", async () => {
	assert.equal(commandIn(["node", "/usr/bin/conec", "receive", "--once"]), "receive");
	assert.equal(commandIn(["node", "/a/packages/conec/dist/cli/main.js", "chat"]), "chat");
	assert.equal(commandIn(["C:\\node.exe", "C:\\x\\cli\\main.js", "pipe"]), "pipe");
	for (const args of [[], [""], ["node"], ["conec"], ["conec", "\u001b[2J"], ["vi", "conec.md", "receive"]])
		assert.equal(commandIn(args), undefined, args.join(" "));
	assert.equal(await commandOf("another process"), "another process");
	assert.equal(await commandOf(`process ${process.pid}`), `process ${process.pid}`);
});
