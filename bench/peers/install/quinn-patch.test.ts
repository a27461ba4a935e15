import assert from "node:assert/strict";
import { test } from "node:test";
import { patchedQuinn, withoutFileChecksums } from "./quinn-patch.ts";

const source = `        let addr = match libc::c_int::from(name.ss_family) {
            libc::AF_INET => unsafe { SocketAddr::V4(ptr::read(&name as *const _ as _)) },
            libc::AF_INET6 => unsafe { SocketAddr::V6(ptr::read(&name as *const _ as _)) },
            _ => unreachable!(),
        };
`;

test("quinn patch: both families are read field by field, and the rest stays", () => {
	const patched = patchedQuinn(`before\n${source}after\n`);
	assert.match(patched, /^before\n {8}let addr = match/);
	assert.match(patched, /SocketAddrV4::new\(u32::from_be\(name\.sin_addr\.s_addr\)\.into\(\), u16::from_be\(name\.sin_port\)\)/);
	assert.match(patched, /SocketAddrV6::new\(/);
	assert.doesNotMatch(patched, /ptr::read/);
	assert.match(patched, /_ => unreachable!\(\),\n {8}};\nafter\n$/);
});

test("quinn patch: a second time changes nothing", () => {
	assert.equal(patchedQuinn(patchedQuinn(source)), patchedQuinn(source));
});

test("quinn patch: another version is refused, not half patched", () => {
	assert.throws(() => patchedQuinn(""), /not that of version 0\.6\.2/);
	assert.throws(() => patchedQuinn(source.replace("AF_INET6", "AF_INET7")), /not that of version 0\.6\.2/);
	assert.throws(() => patchedQuinn(source + source), /not that of version 0\.6\.2/);
});

test("quinn patch: the checksum of the crate stays, those of its files go", () => {
	assert.equal(withoutFileChecksums('{"files":{"a.rs":"12"},"package":"34"}'), '{"files":{},"package":"34"}');
	assert.throws(() => withoutFileChecksums('{"files":{}}'), /no checksum/);
	assert.throws(() => withoutFileChecksums("nonsense"), SyntaxError);
});
