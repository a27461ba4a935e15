//! Large blocks come from the system and go back to it, page by page.
//!
//! Each endpoint has a receive buffer of more than 2 MiB. glibc raises its threshold for `mmap` to the largest block that was freed. So
//! from the second endpoint on these buffers would lie between small blocks in its heap. They would be zeroed by hand, and stay
//! resident after they are freed: 40 MiB after some hundred connects. A mapping costs only the pages that are touched.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, except for large blocks on Linux.
pub struct Allocator;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod mapping {
	use std::alloc::Layout;

	const LARGE: usize = 1024 * 1024;
	/// Mappings are aligned to this much at least.
	const PAGE: usize = 4096;

	pub fn is_large(layout: Layout) -> bool {
		layout.size() >= LARGE && layout.align() <= PAGE
	}

	/// All bytes are zero. Null: there is no memory.
	pub fn map(layout: Layout) -> *mut u8 {
		// SAFETY: a new anonymous mapping touches nothing that exists.
		let address = unsafe {
			libc::mmap(
				std::ptr::null_mut(),
				layout.size(),
				libc::PROT_READ | libc::PROT_WRITE,
				libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
				-1,
				0,
			)
		};
		if address == libc::MAP_FAILED {
			std::ptr::null_mut()
		} else {
			address.cast()
		}
	}

	/// # Safety
	/// `address` is of [`map`] with this layout, and nobody uses it any more.
	pub unsafe fn unmap(address: *mut u8, layout: Layout) {
		// SAFETY: see above.
		unsafe { libc::munmap(address.cast(), layout.size()) };
	}
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod mapping {
	use std::alloc::Layout;

	pub fn is_large(_layout: Layout) -> bool {
		false
	}

	pub fn map(_layout: Layout) -> *mut u8 {
		std::ptr::null_mut()
	}

	/// # Safety
	/// Never called, because nothing is large here.
	pub unsafe fn unmap(_address: *mut u8, _layout: Layout) {}
}

// SAFETY: a block's layout alone says which of the two allocators it belongs to, and the caller repeats the layout. Both keep
// the contract.
unsafe impl GlobalAlloc for Allocator {
	unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
		if mapping::is_large(layout) {
			return mapping::map(layout);
		}
		// SAFETY: the caller's promise.
		unsafe { System.alloc(layout) }
	}

	unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
		if mapping::is_large(layout) {
			return mapping::map(layout);
		}
		// SAFETY: the caller's promise.
		unsafe { System.alloc_zeroed(layout) }
	}

	unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
		if mapping::is_large(layout) {
			// SAFETY: the caller's promise; see `alloc`.
			unsafe { mapping::unmap(block, layout) };
		} else {
			// SAFETY: the same.
			unsafe { System.dealloc(block, layout) };
		}
	}

	unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
		// SAFETY: the caller promises that the size fits the alignment.
		let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
		if !mapping::is_large(layout) && !mapping::is_large(wanted) {
			// SAFETY: the caller's promise.
			return unsafe { System.realloc(block, layout, size) };
		}
		// SAFETY: both blocks are at least as long as what is copied, and are not the same.
		unsafe {
			let moved = self.alloc(wanted);
			if !moved.is_null() {
				std::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
				self.dealloc(block, layout);
			}
			moved
		}
	}
}
