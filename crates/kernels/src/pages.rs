//! Huge pages for data that is read in random order: with pages of 4 KB, finding out where a row lies takes longer than
//! reading it.

/// Asks the system to move `data` to huge pages, if it has them and the data fills any. It is no error if the system
/// cannot: contents, addresses and results stay the same.
///
/// On Linux this takes about as long as copying the data once; elsewhere nothing is done.
pub fn huge_pages<T: Copy>(data: &[T]) {
    let first = data.as_ptr().addr().next_multiple_of(PAGE);
    let end = (data.as_ptr().addr() + size_of_val(data)) / PAGE * PAGE;
    if first < end {
        advise(data.as_ptr().cast::<u8>().wrapping_add(first - data.as_ptr().addr()), end - first);
    }
}

/// Bytes in a huge page.
const PAGE: usize = 2 << 20;

#[cfg(all(target_os = "linux", not(miri)))]
fn advise(first: *const u8, len: usize) {
    /// Linux has it since 6.1, and libc does not define it: `man 2 madvise`.
    const MADV_COLLAPSE: libc::c_int = 25;
    // SAFETY: the range lies within a slice, and neither kind of advice changes what is in memory or who may use it.
    unsafe {
        let advise = |advice| libc::madvise(first.cast_mut().cast(), len, advice);
        // The first kind acts at once; an older system may follow the second kind in the course of time.
        if advise(MADV_COLLAPSE) != 0 {
            advise(libc::MADV_HUGEPAGE);
        }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn advise(_first: *const u8, _len: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_any_size_stays_as_it_was() {
        for len in [0, 1, 1 << 18, 3 << 19, 1 << 21] {
            let data: Vec<u32> = (0..len).collect();
            huge_pages(&data);
            assert!(data.iter().copied().eq(0..len));
        }
    }

    /// The memory of this process on huge pages, in kB, as the system reports it.
    #[cfg(target_os = "linux")]
    fn on_huge_pages() -> Option<u64> {
        let smaps = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
        let line = smaps.lines().find_map(|line| line.strip_prefix("AnonHugePages:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_follows_the_advice() {
        let Ok(enabled) = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled") else {
            return;
        };
        if enabled.contains("[never]") {
            return;
        }
        let data = vec![1_u8; 64 << 20];
        huge_pages(&data);
        // Fragmented memory may have too few.
        assert!(on_huge_pages() >= Some(32 << 10), "{:?} kB; {enabled}", on_huge_pages());
        assert!(data.iter().all(|&byte| byte == 1));
    }
}
