/**
 * What quinn 0.6.2 needs to work with a compiler of today. Pure.
 *
 * It reads the sender of a datagram by copying a C `sockaddr_in` over a Rust `SocketAddrV4`. The two have had different layouts since Rust 1.64, so the address
 * that comes out is nonsense. The patched lines take it apart field by field.
 *
 * @module
 */

/** The file of the crate that is patched. */
export const PATCHED_FILE = "src/platform/unix.rs";

const OLD = `            libc::AF_INET => unsafe { SocketAddr::V4(ptr::read(&name as *const _ as _)) },
            libc::AF_INET6 => unsafe { SocketAddr::V6(ptr::read(&name as *const _ as _)) },
`;

const NEW = `            libc::AF_INET => {
                let name = unsafe { &*(&name as *const _ as *const libc::sockaddr_in) };
                SocketAddr::V4(SocketAddrV4::new(u32::from_be(name.sin_addr.s_addr).into(), u16::from_be(name.sin_port)))
            }
            libc::AF_INET6 => {
                let name = unsafe { &*(&name as *const _ as *const libc::sockaddr_in6) };
                SocketAddr::V6(SocketAddrV6::new(name.sin6_addr.s6_addr.into(), u16::from_be(name.sin6_port), name.sin6_flowinfo, name.sin6_scope_id))
            }
`;

/**
 * The file with the new lines. What is patched already stays as it is.
 *
 * @throws Error when the file is another one than that of quinn 0.6.2.
 */
export function patchedQuinn(source: string): string {
	if (source.includes(NEW)) return source;
	if (source.split(OLD).length !== 2) throw new Error(`Cannot patch quinn: ${PATCHED_FILE} is not that of version 0.6.2`);
	return source.replace(OLD, () => NEW);
}

/** A vendored crate says which files it has, and cargo refuses one that differs. With an empty list it checks none, and the crate's own checksum stays. */
export function withoutFileChecksums(checksumJson: string): string {
	const checksums = JSON.parse(checksumJson) as { package?: string };
	if (typeof checksums.package !== "string") throw new Error("Cannot patch quinn: its checksum file has no checksum");
	return JSON.stringify({ files: {}, package: checksums.package });
}
