import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { bundle } from "./support/bundle.ts";

/** A network of its own with a slow loopback, which fills a socket as a slow line does, and few descriptors. */
const SLOW = "ip link set lo up && tc qdisc add dev lo root tbf rate 40mbit burst 40kb limit 100mb && ulimit -n 300";

function inSlowNetwork(command: string): ReturnType<typeof spawnSync> {
	const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
	return spawnSync("unshare", [...user, "--net", "sh", "-c", `${SLOW} && ${command}`], { encoding: "utf8", timeout: 300_000, killSignal: "SIGKILL" });
}

/** Why it cannot be tried here, or false. */
function impossible(): string | false {
	if (process.platform !== "linux") return "network namespaces are Linux's";
	const { status, stderr, error } = inSlowNetwork("true");
	return status === 0 ? false : `no namespace with a slow loopback (unshare, iproute2): ${error?.message ?? stderr}`;
}

test("full socket: without a free descriptor everybody gets everything, and nobody takes one to wait", { skip: impossible() }, async (t) => {
	const child = await bundle("full-socket");
	t.after(() => child.remove());
	const { status, stdout, stderr } = inSlowNetwork(`exec '${process.execPath}' '${child.file}'`);
	assert.equal(status, 0, String(stderr));
	const { full, noRoom, received, all, closed, openConnections, grown } = JSON.parse(String(stdout)) as Record<string, unknown>;
	assert.equal(full, "EMFILE", "descriptors were left");
	assert.deepEqual({ received, closed, openConnections }, { received: all, closed: 0, openConnections: 40 });
	assert.ok((noRoom as number) > 0, "the socket was never full, so this shows nothing");
	assert.ok((grown as number) <= 4, `${grown} descriptors more while the socket was full`);
});
