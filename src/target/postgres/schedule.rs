//! What comes after the rows, on several connections at once: each task after those it needs, none beside one that
//! would only wait for its lock, the longest way to the end first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// A task and what bounds when it may run.
#[derive(Clone, Debug)]
pub struct Task<W> {
    /// What is to be done.
    pub work: W,
    /// The tasks, by index, that must be done before it.
    pub needs: Vec<usize>,
    /// The tables that it locks, by the numbers of their entries, and how.
    pub locks: Vec<(i32, Lock)>,
    /// About how long it takes, in any unit.
    pub cost: u64,
}

/// How a task locks a table; what PostgreSQL's table of conflicting locks says of the modes that occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// As one that is read from by a foreign key's validation (ROW SHARE).
    Read,
    /// As a table of which an index is made (SHARE).
    Index,
    /// As a table whose constraint is validated (SHARE UPDATE EXCLUSIVE).
    Validate,
    /// Against everything (SHARE ROW EXCLUSIVE and above).
    Exclusive,
}

impl Lock {
    fn conflicts(self, other: Lock) -> bool {
        match (self, other) {
            (Lock::Exclusive, _) | (_, Lock::Exclusive) => true,
            (Lock::Read, _) | (_, Lock::Read) => false,
            (Lock::Index, Lock::Index) => false,
            _ => true,
        }
    }
}

/// What is told to a task when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Company {
    /// How many workers have nothing to do, and will have nothing for now.
    pub idle: usize,
}

/// Runs all `tasks` on as many threads as there are `workers`; each gives its task to `run`.
///
/// Looks at `stop` between tasks. `done` is called after each task, on any thread.
///
/// # Errors
/// The first error of a task; no task starts after it. `Kind::Interrupted` if `stop` was set.
pub fn run<W: Sync, S: Send>(
    tasks: &[Task<W>],
    workers: &mut [S],
    stop: &AtomicBool,
    run: impl Fn(&mut S, &W, Company) -> Result<()> + Sync,
    done: impl Fn() + Sync,
) -> Result<()> {
    let board = Board::new(tasks, workers.len());
    std::thread::scope(|scope| {
        for worker in workers {
            scope.spawn(|| {
                // A thread that panics must not leave the others waiting.
                let ending = Ending(&board);
                while let Some((index, company)) = board.take(stop) {
                    let result = run(worker, &tasks[index].work, company);
                    if result.is_ok() {
                        done();
                    }
                    board.finish(index, result);
                }
                drop(ending);
            });
        }
    });
    board.result(stop)
}

/// Which tasks are waiting, running and done.
struct Board<'a, W> {
    tasks: &'a [Task<W>],
    /// For each task, the cost of the longest way from its start to the end.
    urgency: Vec<u64>,
    workers: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// For each task, how many that it needs are not done; `None` once it runs.
    waits_for: Vec<Option<usize>>,
    running: Vec<usize>,
    left: usize,
    error: Option<Error>,
}

impl<'a, W> Board<'a, W> {
    fn new(tasks: &'a [Task<W>], workers: usize) -> Self {
        let state = State {
            waits_for: tasks.iter().map(|task| Some(task.needs.len())).collect(),
            running: Vec::new(),
            left: tasks.len(),
            error: None,
        };
        Board { tasks, urgency: urgency(tasks), workers, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The next task that may run; `None` when there will be none.
    fn take(&self, stop: &AtomicBool) -> Option<(usize, Company)> {
        let mut state = self.lock();
        loop {
            if state.left == 0 || state.error.is_some() || stop.load(Ordering::Relaxed) {
                return None;
            }
            let ready = self.ready(&state);
            if let Some(&index) = ready.iter().max_by_key(|&&index| (self.urgency[index], usize::MAX - index))
            {
                state.waits_for[index] = None;
                state.running.push(index);
                let others = self.workers - state.running.len();
                let more = self.ready(&state).len();
                return Some((index, Company { idle: others.saturating_sub(more) }));
            }
            if state.running.is_empty() {
                state.error = Some(Error::staging("the entries of the dump wait for each other in a circle"));
                continue;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The tasks that need nothing more, and do not get into the way of a running one.
    fn ready(&self, state: &State) -> Vec<usize> {
        let may = |&index: &usize| {
            state.waits_for[index] == Some(0)
                && !state.running.iter().any(|&other| self.conflict(index, other))
        };
        (0..self.tasks.len()).filter(may).collect()
    }

    fn conflict(&self, one: usize, other: usize) -> bool {
        self.tasks[one].locks.iter().any(|(table, lock)| {
            self.tasks[other].locks.iter().any(|(same, held)| table == same && lock.conflicts(*held))
        })
    }

    fn finish(&self, index: usize, result: Result<()>) {
        let mut state = self.lock();
        state.running.retain(|&running| running != index);
        state.left -= 1;
        match result {
            Ok(()) => {
                for (other, task) in self.tasks.iter().enumerate() {
                    let needed = task.needs.iter().filter(|&&need| need == index).count();
                    if let Some(count) = &mut state.waits_for[other] {
                        *count -= needed;
                    }
                }
            }
            Err(error) => {
                state.error.get_or_insert(error);
            }
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn result(self, stop: &AtomicBool) -> Result<()> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.error {
            // What fails because the run stops says nothing.
            _ if stop.load(Ordering::Relaxed) => Err(Error::interrupted()),
            Some(error) => Err(error),
            None if state.left > 0 => Err(Error::staging("a connection to the target ended early")),
            None => Ok(()),
        }
    }
}

/// Tells the others when a thread ends.
struct Ending<'a, 'b, W>(&'a Board<'b, W>);

impl<W> Drop for Ending<'_, '_, W> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.lock();
            state
                .error
                .get_or_insert(Error::staging("a thread of `mask` ended early; this is a defect of `mask`"));
        }
        self.0.changed.notify_all();
    }
}

/// For each task, its cost and that of the most costly chain of tasks that need it.
fn urgency<W>(tasks: &[Task<W>]) -> Vec<u64> {
    let mut needed_by: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, task) in tasks.iter().enumerate() {
        task.needs.iter().for_each(|&need| needed_by.entry(need).or_default().push(index));
    }
    let mut urgency: Vec<u64> = tasks.iter().map(|task| task.cost).collect();
    // Most tasks stand behind those they need, so that one pass from the end does nearly all; a circle ends it too.
    for _ in 0..tasks.len() {
        let mut changed = false;
        for index in (0..tasks.len()).rev() {
            let after = needed_by.get(&index).into_iter().flatten().map(|&other| urgency[other]).max();
            let sum = tasks[index].cost.saturating_add(after.unwrap_or(0));
            changed |= sum > urgency[index];
            urgency[index] = urgency[index].max(sum);
        }
        if !changed {
            break;
        }
    }
    urgency
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn task(name: &'static str, needs: &[usize], locks: &[(i32, Lock)], cost: u64) -> Task<&'static str> {
        Task { work: name, needs: needs.to_vec(), locks: locks.to_vec(), cost }
    }

    /// The names in the order in which one worker, or several, took the tasks.
    fn order(tasks: &[Task<&'static str>], workers: usize) -> Vec<&'static str> {
        let taken = Mutex::new(Vec::new());
        let take = |_: &mut (), name: &&'static str, _| {
            taken.lock().unwrap().push(*name);
            Ok(())
        };
        run(tasks, &mut vec![(); workers], &AtomicBool::new(false), take, || ()).unwrap();
        taken.into_inner().unwrap()
    }

    #[test]
    fn the_longest_way_to_the_end_comes_first() {
        let tasks = [
            task("small index", &[], &[], 1),
            task("large index", &[], &[], 50),
            task("key", &[], &[], 10),
            task("validate", &[2], &[], 60),
        ];
        assert_eq!(order(&tasks, 1), ["key", "validate", "large index", "small index"]);
    }

    #[test]
    fn what_locks_the_same_table_does_not_run_at_once() {
        let tasks: Vec<_> = (0..20).map(|_| task("", &[], &[(1, Lock::Exclusive)], 1)).collect();
        let running = std::sync::atomic::AtomicUsize::new(0);
        let most = std::sync::atomic::AtomicUsize::new(0);
        let work = |_: &mut (), _: &&'static str, _| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(1));
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        };
        run(&tasks, &mut [(); 4], &AtomicBool::new(false), work, || ()).unwrap();
        assert_eq!(most.into_inner(), 1);
    }

    #[test]
    fn locks_conflict_as_those_of_postgres_do() {
        assert!(!Lock::Index.conflicts(Lock::Index) && !Lock::Read.conflicts(Lock::Validate));
        assert!(Lock::Index.conflicts(Lock::Validate) && Lock::Validate.conflicts(Lock::Validate));
        assert!(Lock::Exclusive.conflicts(Lock::Read));
    }

    #[test]
    fn after_an_error_nothing_starts() {
        let tasks = [task("fails", &[], &[], 2), task("never", &[0], &[], 1)];
        let fails = |_: &mut (), name: &&'static str, _| match *name {
            "fails" => Err(Error::staging("it failed")),
            _ => unreachable!("it needs what failed"),
        };
        let error = run(&tasks, &mut [(); 2], &AtomicBool::new(false), fails, || ()).unwrap_err();
        assert_eq!(error.what(), "it failed");
    }

    #[test]
    fn a_circle_is_an_error_and_not_a_wait() {
        let tasks = [task("a", &[1], &[], 1), task("b", &[0], &[], 1)];
        let error = run(&tasks, &mut [(); 2], &AtomicBool::new(false), |_: &mut (), _, _| Ok(()), || ());
        assert_eq!(error.unwrap_err().kind(), Kind::Staging);
    }

    #[test]
    fn a_run_that_stops_says_so() {
        let tasks = [task("a", &[], &[], 1)];
        let error = run(&tasks, &mut [(); 1], &AtomicBool::new(true), |_: &mut (), _, _| Ok(()), || ());
        assert_eq!(error.unwrap_err().kind(), Kind::Interrupted);
    }
}
