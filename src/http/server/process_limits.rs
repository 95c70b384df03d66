//! What the operating system allows this process: file descriptors and memory.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

/// The number of descriptors where the system does not say.
const DEFAULT_DESCRIPTORS: usize = 1_024;

/// The memory where the system does not say: more than any limit that is derived from it.
const DEFAULT_MEMORY: usize = 4 << 30;

/// File descriptors and memory of this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::http) struct ProcessLimits {
    /// How many files and connections it may have open.
    pub(in crate::http) descriptors: usize,
    /// How many bytes it may use before the kernel ends it.
    pub(in crate::http) memory: usize,
}

impl ProcessLimits {
    /// Asks the kernel: the limits of the process, of the control groups that it is in, and of the machine.
    pub(in crate::http) fn read() -> Self {
        let limits = read_to_string("/proc/self/limits").unwrap_or_default();
        let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
        let machine = read_to_string("/proc/meminfo").unwrap_or_default();
        let of_groups = files_of_groups(&groups).into_iter().filter_map(|file| {
            // A group without a limit says "max", or in version 1 a number that is larger than any machine.
            read_to_string(file).ok()?.trim().parse().ok()
        });
        let memory =
            of_groups.chain(soft_limit(&limits, "Max address space")).chain(total_memory(&machine)).min();
        Self {
            descriptors: soft_limit(&limits, "Max open files").unwrap_or(DEFAULT_DESCRIPTORS),
            memory: memory.unwrap_or(DEFAULT_MEMORY),
        }
    }
}

/// The soft limit of this name in `/proc/self/limits` (proc(5)).
fn soft_limit(limits: &str, name: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The files with the memory limits of the control groups in `/proc/self/cgroup` (cgroups(7)): of each group, and of those
/// above it, which bind as well.
fn files_of_groups(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let folder = Path::new(root).join(path.trim_start_matches('/'));
        let above = folder.ancestors().take_while(|folder| folder.starts_with(root));
        files.extend(above.map(|folder| folder.join(file)));
    }
    files
}

/// The memory of the machine, of `/proc/meminfo`.
fn total_memory(machine: &str) -> Option<usize> {
    let line = machine.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<usize>().ok()?.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limits_of_the_process_are_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max processes             95                   95                   processes\n\
                      Max open files            1024                 524288               files\n\
                      Max address space         unlimited            unlimited            bytes\n";

        assert_eq!(soft_limit(limits, "Max open files"), Some(1_024));
        assert_eq!(soft_limit(limits, "Max address space"), None);
        assert_eq!(total_memory("MemTotal:       24684084 kB\nMemFree: 1 kB\n"), Some(24_684_084 << 10));
    }

    #[test]
    fn the_limits_of_the_groups_above_bind_too() {
        let files = files_of_groups("0::/system.slice/doorkey.service\n");
        let expected = ["/system.slice/doorkey.service", "/system.slice", ""];
        assert_eq!(files, expected.map(|path| PathBuf::from(format!("/sys/fs/cgroup{path}/memory.max"))));

        let files = files_of_groups("5:devices:/x\n4:cpu,memory:/a\n1:name=systemd:/memory\n");
        let expected = ["memory/a", "memory"];
        let expected = expected.map(|path| format!("/sys/fs/cgroup/{path}/memory.limit_in_bytes"));
        assert_eq!(files, expected.map(PathBuf::from));

        assert_eq!(files_of_groups("0::/\n"), [PathBuf::from("/sys/fs/cgroup/memory.max")]);
    }

    #[test]
    fn this_process_has_limits() {
        let limits = ProcessLimits::read();

        assert!(limits.descriptors > 0 && limits.memory > 1 << 20, "{limits:?}");
    }
}
