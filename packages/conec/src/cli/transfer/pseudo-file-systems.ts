/**
 * Where the sizes that `stat` says mean nothing: file systems whose content is made when it is read.
 *
 * @module
 */

import type { FileSystem } from "./file-system.ts";

/** Remembers for each device whether sizes there mean something; bounded by the file systems that are met. */
export class PseudoFileSystems {
	readonly #files: FileSystem;
	readonly #byDevice = new Map<bigint, Promise<Trust>>();

	constructor(files: FileSystem) {
		this.#files = files;
	}

	/** The size of the regular file as far as it can be believed; `undefined`: not known. Never rejects. */
	async size(path: string, { dev, size }: { readonly dev: bigint; readonly size: bigint }): Promise<number | undefined> {
		let trust = this.#byDevice.get(dev);
		if (trust === undefined) {
			trust = this.#look(path);
			this.#byDevice.set(dev, trust);
		}
		const bytes = Number(size);
		if ((await trust) === "none" || !Number.isSafeInteger(bytes) || bytes < 0) return undefined;
		return bytes === 0 && (await trust) === "some" ? undefined : bytes;
	}

	async #look(path: string): Promise<Trust> {
		try {
			const { type } = await this.#files.room(path);
			if (PSEUDO.has(type)) return "none";
			return DISTANT.has(type) ? "some" : "all";
		} catch {
			return "some";
		}
	}
}

/** `some`: 0 may stand for "not known". */
type Trust = "all" | "some" | "none";

/** Magic numbers of Linux (statfs(2)). */
const PSEUDO: ReadonlySet<number> = new Set([
	0x9fa0, // proc
	0x62656572, // sysfs
	0x27e0eb, // cgroup
	0x63677270, // cgroup2
	0x64626720, // debugfs
	0x74726163, // tracefs
	0x73636673, // securityfs
	0x62656570, // configfs
	0xcafe4a11, // bpf
	0xde5e81e4, // efivarfs
	0x6165676c, // pstore
	0xf97cff8c, // selinuxfs
	0x43415d53, // smackfs
	0x1cd1, // devpts
	0x65735543, // fusectl
	0x42494e4d, // binfmt_misc
	0x67596969, // rpc_pipefs
	0x6e667364, // nfsd
]);

const DISTANT: ReadonlySet<number> = new Set([
	0x65735546, // FUSE: lxcfs, sshfs, cloud drives
	0x1021997, // 9p
	0x6969, // NFS
	0xff534d42, // CIFS
	0xfe534d42, // SMB2
	0x00c36400, // Ceph
	0x5346414f, // AFS
]);
