/**
 * Where what `stat` says means nothing: file systems whose content is made when it is read.
 *
 * @module
 */

import type { FileSystem } from "./file-system.ts";

/** How far a regular file can be believed. */
export interface Claims {
	/** Bytes of content; `undefined`: not known. */
	readonly size: number | undefined;
	/** The content is made when it is read: size and time of modification say nothing of it. */
	readonly synthetic: boolean;
}

/** Remembers for each device whether what `stat` says there means something; bounded by the file systems that are met. */
export class PseudoFileSystems {
	readonly #files: FileSystem;
	readonly #byDevice = new Map<bigint, Promise<Trust>>();

	constructor(files: FileSystem) {
		this.#files = files;
	}

	/** What can be believed of the regular file. Never rejects. */
	async claims(path: string, { dev, size }: { readonly dev: bigint; readonly size: bigint }): Promise<Claims> {
		let looking = this.#byDevice.get(dev);
		if (looking === undefined) {
			looking = this.#look(path, dev);
			this.#byDevice.set(dev, looking);
		}
		const trust = await looking;
		const bytes = Number(size);
		const known = trust !== "none" && Number.isSafeInteger(bytes) && bytes >= 0 && !(trust === "some" && bytes === 0);
		return { size: known ? bytes : undefined, synthetic: trust === "none" };
	}

	async #look(path: string, dev: bigint): Promise<Trust> {
		try {
			const { type } = await this.#files.room(path);
			if (PSEUDO.has(type)) return "none";
			if (!DISTANT.has(type)) return "all";
			return type === FUSE && PSEUDO_FUSE.has((await this.#files.mountType(dev)) ?? "") ? "none" : "some";
		} catch {
			return "some";
		}
	}
}

/** `some`: 0 may stand for "not known". */
type Trust = "all" | "some" | "none";

/** Types of mounts. lxcfs, which containers have over files of /proc, gives the present time as time of modification. */
const PSEUDO_FUSE: ReadonlySet<string> = new Set(["fuse.lxcfs"]);

const FUSE = 0x65735546;

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
	FUSE, // sshfs, cloud drives
	0x1021997, // 9p
	0x6969, // NFS
	0xff534d42, // CIFS
	0xfe534d42, // SMB2
	0x00c36400, // Ceph
	0x5346414f, // AFS
]);
