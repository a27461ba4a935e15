// What the NAT lab (test/nat/lab) needs of this machine.

import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Commands that the lab uses, and the Debian packages that they are in. */
const TOOLS = {
	ip: "iproute2",
	nft: "nftables",
	conntrack: "conntrack",
	sysctl: "procps",
	awk: "gawk",
	gcc: "gcc libc6-dev",
	ss: "iproute2",
	miniupnpd: "miniupnpd miniupnpd-nftables",
};

/**
 * @param {string} what runs in the lab, as it is typed after `npm run`
 * @param {readonly string[]} [unused] commands that it does not use
 * @returns {string[]} what is missing, and what to do; nothing if the lab can be built
 */
export function whatIsMissing(what, unused = []) {
	if (process.platform !== "linux") return ["The NAT lab needs Linux network namespaces."];
	const problems = [];
	if (process.getuid() !== 0) problems.push(`The NAT lab needs root: sudo npm run ${what}`);
	const packages = Object.entries(TOOLS).filter(([command]) => !unused.includes(command) && !isInstalled(command));
	if (packages.length > 0) {
		const names = packages.map(([, name]) => name).join(" ");
		problems.push(`The NAT lab needs ${packages.map(([command]) => command).join(", ")}: apt-get install --no-install-recommends ${names}`);
	}
	if (!existsSync("/dev/net/tun")) problems.push("The NAT lab needs /dev/net/tun: modprobe tun, or give the container that device.");
	return problems;
}

function isInstalled(command) {
	return `${process.env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter).some((folder) => {
		try {
			accessSync(join(folder, command), constants.X_OK);
			return true;
		} catch {
			return false;
		}
	});
}
