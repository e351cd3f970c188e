//! seccomp: the system calls that a run still makes once everything is open.
//!
//! In: nothing. Out: a filter on every thread, and whether it holds. Must not know: files, users.
//!
//! Every call that is not in the tables is answered as by a kernel that does not have it, for which libraries have another
//! way. What matters is what is not there: `socket`, `connect`, `bind`, `execve`, `ptrace`, `kill`, `mount`, `bpf`,
//! `io_uring_setup`, `unshare`, and whatever kernels learn later.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};

use crate::privilege::State;

/// Allowed whatever the arguments.
const ALLOWED: &[c_long] = &[
    // What is open is read and written.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_flock,
    libc::SYS_fchmod,
    libc::SYS_pipe2,
    libc::SYS_socketpair,
    // Which files those can be is Landlock's to say.
    libc::SYS_openat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_getdents64,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_umask,
    libc::SYS_mkdirat,
    // What is captured, and who asks for metrics.
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    // Waiting.
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    libc::SYS_signalfd4,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    // Time, and what there is of the machine.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getpgid,
    // Memory and threads.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_membarrier,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Signals that come, and the one that ends a process that is wrong.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigsuspend,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
];

/// What only this architecture still has beside its successors above.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_readlink,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_time,
    libc::SYS_getpgrp,
    libc::SYS_mkdir,
    libc::SYS_renameat,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// Types into a terminal; the other pastes into a console. Libraries differ in their type. (asm-generic/ioctls.h.)
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

/// Allowed where an argument, by its place, is so; where a call has several rows, all of them.
const WHERE: &[(c_long, u8, SeccompCmpOp, u64)] = &[
    // Memory is never code.
    (libc::SYS_mmap, 2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0),
    (libc::SYS_mprotect, 2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0),
    // Threads, no processes. `clone3` hides its flags in memory: libraries then call this.
    (libc::SYS_clone, 0, SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64), libc::CLONE_THREAD as u64),
    (libc::SYS_prctl, 0, SeccompCmpOp::Eq, libc::PR_SET_NAME as u64),
    // An answer goes to whoever asked: no address is given.
    (libc::SYS_sendto, 4, SeccompCmpOp::Eq, 0),
    // A terminal is drawn on, but nothing typed into it.
    (libc::SYS_ioctl, 1, SeccompCmpOp::Ne, TIOCSTI),
    (libc::SYS_ioctl, 1, SeccompCmpOp::Ne, TIOCLINUX),
    // Limits are read, not set.
    (libc::SYS_prlimit64, 2, SeccompCmpOp::Eq, 0),
];

/// Restricts every thread of the process.
pub(super) fn restrict() -> State {
    let Ok(architecture) = TargetArch::try_from(std::env::consts::ARCH) else {
        return State::Missing("no filter for this processor".to_owned());
    };
    let applied = program(architecture)
        .map_err(|error| error.to_string())
        .and_then(|program| apply_filter_all_threads(&program).map_err(|error| error.to_string()));
    match applied {
        Ok(()) => State::Enforced("seccomp".to_owned()),
        Err(why) => State::Missing(why),
    }
}

fn program(architecture: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(OLDER).map(|&call| (call, Vec::new())).collect();
    let mut conditions: BTreeMap<i64, Vec<SeccompCondition>> = BTreeMap::new();
    for (call, place, operator, value) in WHERE {
        // Pointers have 64 bits; flags and requests are read as 32 by the kernel.
        let length = match *call {
            libc::SYS_sendto | libc::SYS_prlimit64 => SeccompCmpArgLen::Qword,
            _ => SeccompCmpArgLen::Dword,
        };
        let condition = SeccompCondition::new(*place, length, operator.clone(), *value)?;
        conditions.entry(*call).or_default().push(condition);
    }
    for (call, conditions) in conditions {
        rules.insert(call, vec![SeccompRule::new(conditions)?]);
    }
    let absent = SeccompAction::Errno(libc::ENOSYS as u32);
    SeccompFilter::new(rules, absent, SeccompAction::Allow, architecture)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_made_for_every_processor() {
        for architecture in [TargetArch::x86_64, TargetArch::aarch64, TargetArch::riscv64] {
            assert!(program(architecture).is_ok_and(|program| program.len() < 4096));
        }
        let mut somewhere: Vec<_> = WHERE.iter().map(|row| row.0).collect();
        somewhere.dedup();
        let mut calls: Vec<_> = ALLOWED.iter().chain(OLDER).chain(&somewhere).collect();
        let all = calls.len();
        calls.sort();
        calls.dedup();
        assert_eq!(calls.len(), all, "no call is allowed twice");
    }
}
