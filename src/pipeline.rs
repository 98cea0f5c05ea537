//! Carries out a plan: reads blocks, masks and encodes them on all cores, writes them in the order of the rows.
//!
//! A part of the data has one reader and one writer; between them a bounded queue of blocks, each on its way through
//! the thread pool. The queue holds the blocks in the order they were read, so the output does not depend on the
//! number of threads; its bound is what keeps memory flat.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Kind, Place, Result};
use crate::kept_rows::{KeptBlock, KeptRows};
use crate::masked::{ColumnCounts, ColumnMask, MaskedBatch};
use crate::pg::copy::Decoder;
use crate::plan::Plan;
use crate::plan::subset::SubsetPlan;
use crate::plan::subset::graph::Edge;
use crate::report::Meter;
use crate::rules::LargeObjects;
use crate::source::{READ_AHEAD_BYTES, Source};
use crate::target::{Encoded, Encoder, Target};

/// How a plan is carried out; changes nothing of the result.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads that mask and encode; also how many parts are read at once, where the source allows it.
    pub jobs: usize,
    /// About how much of the snapshot is in memory at once, in bytes; a block is there whatever it takes.
    pub memory_bytes: u64,
}

/// How long a reader that waits may take to notice that the run stops.
const STOP_LATENCY: Duration = Duration::from_millis(50);

/// How much memory a block takes on its way, in sizes of a block: as read, as a batch, encoded, and compressed.
const COPIES_OF_A_BLOCK: u64 = 5;

/// Moves every row of the plan from `source` to `target` and puts the target in place.
///
/// `meter` is told what was moved while it moves; `stop` is looked at between blocks. Returns what a person should know
/// of what was written.
///
/// # Errors
/// What the source, a mask or the target fails with; [`Kind::Interrupted`] when
/// `stop` was set. The target is not in place then.
pub fn run(
    plan: &Plan,
    source: &dyn Source,
    target: Box<dyn Target>,
    settings: Settings,
    meter: &Meter,
    stop: &AtomicBool,
) -> Result<Vec<String>> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(settings.jobs)
        .thread_name(|index| format!("mask-{index}"))
        .panic_handler(|_| ()) // The writer notices: the block's answer never comes.
        .build()
        .map_err(|_| Error::usage("cannot start the threads").hint("lower `--jobs`"))?;
    let run = Run { plan, source, target: &*target, settings, meter, stop, pool: &pool };
    run.move_parts()?;
    if plan.large_objects == Some(LargeObjects::Keep) {
        source
            .visit_large_objects(&mut |entry, oid, content| run.move_large_object(entry.id, oid, content))?;
    }
    if stop.load(Ordering::Relaxed) {
        return Err(Error::interrupted());
    }
    source.close();
    target.complete(meter.phases(), stop)?;
    target.finish()
}

struct Run<'a> {
    plan: &'a Plan,
    source: &'a dyn Source,
    target: &'a dyn Target,
    settings: Settings,
    meter: &'a Meter,
    stop: &'a AtomicBool,
    pool: &'a ThreadPool,
}

/// A block on its way through the pool: its answer comes here.
type Pending = Receiver<Result<Finished>>;

/// A block that is ready to be written. Its permit is given back when it is dropped.
struct Finished {
    encoded: Encoded,
    rows: u64,
    counts: Vec<ColumnCounts>,
    _permit: Permit,
}

impl Run<'_> {
    /// Moves all parts: readers take them in their order, writers write them in it, or each on its own, the largest first.
    fn move_parts(&self) -> Result<()> {
        let parts = self.plan.parts.len();
        let readers = if self.source.is_seekable() { self.parts_at_once().min(parts) } else { 1 };
        let writers = if self.target.is_sequential() { 1 } else { readers };
        let shared = (writers > 1).then(|| Permits::new(self.blocks_in_flight()));
        let order = if writers > 1 { self.largest_first() } else { (0..parts).collect() };
        let (senders, receivers) = (0..parts).map(|_| bounded(self.blocks_in_flight())).unzip();
        let (senders, receivers) = (Queues::new(senders, order.clone()), Queues::new(receivers, order));
        let read = || {
            while let Some((part, queue)) = senders.take() {
                // Where parts are written one after another, each has permits of its own: those of a part that waits
                // for its turn must not starve the part that is written.
                let permits = shared.clone().unwrap_or_else(|| Permits::new(self.blocks_in_flight()));
                self.read_part(part, queue, permits);
            }
        };
        let write = || -> Result<()> {
            while let Some((part, queue)) = receivers.take() {
                self.write_part(part, queue).inspect_err(|_| {
                    self.stop.store(true, Ordering::Relaxed);
                    receivers.clear();
                })?;
            }
            Ok(())
        };
        let results = std::thread::scope(|scope| {
            (0..readers).for_each(|_| drop(scope.spawn(read)));
            let others: Vec<_> = (1..writers).map(|_| scope.spawn(write)).collect();
            let mut results = vec![write()];
            results.extend(
                others.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(internal_error()))),
            );
            results
        });
        first_cause(results)
    }

    /// The parts by their size, so that no large one is left alone at the end.
    fn largest_first(&self) -> Vec<usize> {
        let bytes =
            |part: &usize| self.source.data()[self.plan.parts[*part].source_index].stored_bytes.unwrap_or(0);
        let mut order: Vec<usize> = (0..self.plan.parts.len()).collect();
        order.sort_by_key(|part| std::cmp::Reverse(bytes(part)));
        order
    }

    fn move_large_object(&self, entry: i32, oid: u32, content: &mut dyn Read) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::interrupted());
        }
        if !self.plan.keeps_large_object(oid) {
            return Ok(());
        }
        self.target.large_object(entry, oid, content)
    }

    /// Enough blocks that no thread waits: one being read, one for each thread, one being written.
    fn blocks_in_flight(&self) -> usize {
        (self.settings.jobs + 2).min(self.blocks_in_memory()).max(2)
    }

    /// Parts that wait for their turn have blocks in flight too.
    fn parts_at_once(&self) -> usize {
        match self.target.is_sequential() {
            true => self.settings.jobs.min(self.blocks_in_memory() / self.blocks_in_flight()).max(1),
            false => self.settings.jobs,
        }
    }

    fn blocks_in_memory(&self) -> usize {
        let blocks = self.settings.memory_bytes / (COPIES_OF_A_BLOCK * self.target.block_bytes() as u64);
        usize::try_from(blocks).unwrap_or(usize::MAX)
    }

    /// How many connections may read a part at once: what each reads ahead is in memory.
    fn connections(&self) -> usize {
        let fitting = usize::try_from(self.settings.memory_bytes / READ_AHEAD_BYTES).unwrap_or(usize::MAX);
        self.settings.jobs.min(fitting).max(1)
    }

    /// Reads a part to its end, or until nobody waits for it.
    fn read_part(&self, part: usize, queue: Sender<Pending>, permits: Permits) {
        if let Err(error) = self.send_blocks(part, &queue, &permits) {
            let (answer, pending) = bounded(1);
            let _ = answer.send(Err(error));
            let _ = queue.send(pending);
        }
    }

    fn send_blocks(&self, part: usize, queue: &Sender<Pending>, permits: &Permits) -> Result<()> {
        let work = Arc::new(self.work(part)?);
        let block_bytes = self.target.block_bytes();
        let index = self.plan.parts[part].source_index;
        let filter = self.plan.subset.as_ref().and_then(|subset| subset.filter(part));
        let place = Place::table(&work.table);
        let meter = self.meter.part(part);
        let connections = self.connections();
        let kept = match &filter {
            Some(filter) => self.source.read_kept(index, &filter.all_kept(), block_bytes, connections)?,
            None => None,
        };
        let has_others = kept.is_none();
        let reader = match kept {
            Some(reader) => reader,
            None => self.source.read_parallel(index, block_bytes, connections)?,
        };
        let mut rows = KeptRows::new(reader, filter, has_others, block_bytes, meter, self.stop, place);
        let mut first_row = 0;
        while let Some((permit, kept)) = self.next_block(&mut rows, permits)? {
            let count = memchr::memchr_iter(b'\n', &kept.block.bytes).count() as u64;
            let (answer, pending) = bounded(1);
            let task = work.clone();
            self.pool.spawn(move || {
                let _ = answer.send(task.finish(kept, first_row, permit));
            });
            if queue.send(pending).is_err() {
                return Ok(());
            }
            first_row += count;
        }
        Ok(())
    }

    fn next_block(&self, rows: &mut KeptRows<'_>, permits: &Permits) -> Result<Option<(Permit, KeptBlock)>> {
        // A run that stops leaves blocks, and their permits, in queues that nobody reads any more.
        let permit = loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::interrupted());
            }
            if let Some(permit) = permits.take_within(STOP_LATENCY) {
                break permit;
            }
        };
        Ok(rows.next_block()?.map(|block| (permit, block)))
    }

    fn work(&self, part: usize) -> Result<Work> {
        let plan = &self.plan.parts[part];
        let table = self.plan.catalog.table(plan.table);
        let names: Vec<&str> =
            plan.columns.iter().map(|&column| table.columns[column].name.as_str()).collect();
        Ok(Work {
            decoder: Decoder::new(&names, table.name.to_string(), self.plan.dump.is_utf8()),
            table: table.name.to_string(),
            columns: names.iter().map(|name| name.to_string()).collect(),
            masks: plan.masks.clone(),
            null_places: self.null_places(part),
            encoder: self.target.encoder(part)?,
        })
    }

    /// For each edge of the subset, the places in a part's rows that become NULL where its reference does.
    fn null_places(&self, part: usize) -> Vec<Vec<usize>> {
        let places = |subset: &SubsetPlan| {
            let child = subset.graph.table(self.plan.parts[part].table);
            let of_edge = |(index, edge): (usize, &Edge)| match Some(edge.child) == child {
                true => subset.null_places(self.plan, part, index),
                false => Vec::new(),
            };
            subset.graph.edges.iter().enumerate().map(of_edge).collect()
        };
        self.plan.subset.as_ref().map_or_else(Vec::new, places)
    }

    /// Writes the blocks of a part in their order.
    fn write_part(&self, part: usize, queue: Receiver<Pending>) -> Result<()> {
        let meter = self.meter.part(part);
        meter.start();
        let mut writer = self.target.open(part)?;
        for pending in queue {
            let finished = pending.recv().unwrap_or_else(|_| Err(internal_error()))?;
            meter.add(finished.rows, &finished.counts);
            writer.write(finished.encoded)?;
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::interrupted());
        }
        meter.finish(writer.finish()?);
        Ok(())
    }
}

/// What happens to each block of a part, on any thread.
struct Work {
    decoder: Decoder,
    table: String,
    columns: Vec<String>,
    masks: Vec<ColumnMask>,
    /// For each edge of the subset, the columns that become NULL where its reference does.
    null_places: Vec<Vec<usize>>,
    encoder: Box<dyn Encoder>,
}

impl Work {
    /// Masks and encodes the rows of `kept`; `first_row` is the number of the first one among the kept rows of the part.
    fn finish(&self, kept: KeptBlock, first_row: u64, permit: Permit) -> Result<Finished> {
        let KeptBlock { block, numbers } = kept;
        let batch = self.decoder.decode_numbered(block, &|row| numbers.in_snapshot(row))?;
        let batch = MaskedBatch::new(batch, &self.masks).map_err(|unmaskable| {
            let place = Place::table(&self.table).column(&self.columns[unmaskable.column]);
            let place = match unmaskable.row {
                Some(row) => place.row(numbers.in_snapshot(row) + 1),
                None => place,
            };
            match unmaskable.is_of_condition {
                false => Error::snapshot(format!("a value {}", unmaskable.reason))
                    .hint("mend the value, or say `invalid = \"null\"` or `\"redact\"` in the column's rule"),
                true => Error::snapshot(format!("`when` has no answer: {}", unmaskable.reason))
                    .hint("mend the value, or say another condition in the column's rule"),
            }
            .at(place)
        })?;
        let batch = batch.nulled(&numbers, |edge| self.null_places[edge].clone()).numbered(numbers);
        Ok(Finished {
            rows: batch.rows() as u64,
            counts: batch.counts().to_vec(),
            encoded: self.encoder.encode(&batch, first_row)?,
            _permit: permit,
        })
    }
}

/// One end of each part's queue, handed out in an order of the parts.
struct Queues<T> {
    ends: Mutex<Vec<Option<T>>>,
    order: Vec<usize>,
    next: AtomicUsize,
}

impl<T> Queues<T> {
    /// The ends, the first one for the first part of `order`.
    fn new(ends: Vec<T>, order: Vec<usize>) -> Self {
        Queues { ends: Mutex::new(ends.into_iter().map(Some).collect()), order, next: AtomicUsize::new(0) }
    }

    /// The next part and its end; `None` when there is none left.
    fn take(&self) -> Option<(usize, T)> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let end = self.lock().get_mut(turn)?.take()?;
        Some((self.order[turn], end))
    }

    /// Drops the ends that are left, so that nobody waits on them.
    fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Option<T>>> {
        self.ends.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A bound on the blocks that are in memory at once.
#[derive(Clone)]
struct Permits {
    free: Receiver<()>,
    back: Sender<()>,
}

/// The right to hold a block; given back on drop.
struct Permit(Sender<()>);

impl Permits {
    fn new(count: usize) -> Self {
        let (back, free) = bounded(count);
        (0..count).for_each(|_| back.send(()).expect("the channel has room for every permit"));
        Permits { free, back }
    }

    /// A permit, if one is free within `patience`.
    fn take_within(&self, patience: Duration) -> Option<Permit> {
        self.free.recv_timeout(patience).ok()?;
        Some(Permit(self.back.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// The error that made the others fail: they stopped because it had stopped the run.
fn first_cause(results: Vec<Result<()>>) -> Result<()> {
    let mut errors: Vec<Error> = results.into_iter().filter_map(Result::err).collect();
    errors.sort_by_key(|error| error.kind() == Kind::Interrupted);
    errors.into_iter().next().map_or(Ok(()), Err)
}

fn internal_error() -> Error {
    Error::snapshot("a thread of `mask` ended early; this is a defect of `mask`")
        .hint("please report it with the line that was printed above")
}
