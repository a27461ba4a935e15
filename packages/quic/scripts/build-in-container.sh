#!/bin/sh
# Builds the addon inside a manylinux or an Alpine container, for .github/workflows/prebuilds.yml. The library is left in native/target/release.
set -eu

if command -v apk >/dev/null; then
	apk add --no-cache musl-dev gcc
	# musl targets link statically by default, and a static library cannot be loaded into Node.
	export RUSTFLAGS="-C target-feature=-crt-static"
fi
if ! command -v cargo >/dev/null; then
	curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain "$RUST_VERSION"
	. "$HOME/.cargo/env"
fi
cargo build --release --locked --lib --manifest-path packages/quic/native/Cargo.toml --target-dir packages/quic/native/target
