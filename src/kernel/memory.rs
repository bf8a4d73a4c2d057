//! Memory of this process.

/// Gives memory back that was freed in between: loading the datapath reads all types of the kernel, many times what an
/// agent needs afterwards, and glibc keeps it (malloc_trim(3)). musl's allocator gives it back by itself.
pub fn give_back_memory() {
    // SAFETY: takes no pointer, and locks what it touches.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}
