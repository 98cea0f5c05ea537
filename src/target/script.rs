//! A plain script that `psql` loads: the dump's statements in their order, the rows as COPY text between them.
//!
//! A file may be compressed; each block is then a gzip member, a Zstandard frame or an LZ4 frame of its own, made on
//! the threads that encode, and their sequence is a file that `zcat`, `zstdcat` and `lz4cat` read as one.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::masked::MaskedBatch;
use crate::pg::compression::Codec;
use crate::pg::copy;
use crate::pg::dump::Entry;
use crate::pg::restore::{Include, Restorer};
use crate::pg::stream;
use crate::plan::{Fate, Plan};
use crate::staged::StagedFile;
use crate::target::{Encoded, Encoder, PartWriter, Target};

/// The size of a block, in bytes: large enough that its bookkeeping does not count, small enough for a core's cache.
const BLOCK_BYTES: usize = 1 << 20;

/// How much of a large object one statement writes, in bytes; pg_dump's LOBBUFSIZE.
const LARGE_OBJECT_PIECE_BYTES: usize = 16 << 10;

/// A script being written, to a file or to stdout.
pub struct ScriptTarget {
    plan: Arc<Plan>,
    codec: Codec,
    state: Mutex<State>,
}

struct State {
    output: Output,
    restorer: Restorer,
    next_entry: usize,
    large_objects: LargeObjects,
}

/// Where the script is with its large objects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LargeObjects {
    /// Before them; `makes_transaction` where the dump's own statements do not open one for them.
    Before { makes_transaction: bool },
    /// Among them.
    Among { makes_transaction: bool },
}

enum Output {
    File { file: StagedFile, path: PathBuf },
    Stdout(io::Stdout),
}

impl ScriptTarget {
    /// A script at `path`, or on stdout for `None`, compressed with `codec`.
    ///
    /// # Errors
    /// [`Kind::Staging`](crate::error::Kind::Staging) if the file cannot be made.
    pub fn create(path: Option<&Path>, codec: Codec, plan: Arc<Plan>, include: Include) -> Result<Self> {
        let output = match path {
            Some(path) => Output::File { file: StagedFile::create(path)?, path: path.to_path_buf() },
            None => Output::Stdout(io::stdout()),
        };
        let restorer = Restorer::new(&plan.dump, include);
        let prelude = restorer.prelude();
        let large_objects = LargeObjects::Before { makes_transaction: plan.dump.archive_version.is_some() };
        let mut state = State { output, restorer, next_entry: 0, large_objects };
        state.write_text(codec, &prelude)?;
        Ok(ScriptTarget { plan, codec, state: Mutex::new(state) })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Target for ScriptTarget {
    fn block_bytes(&self) -> usize {
        BLOCK_BYTES
    }

    fn is_sequential(&self) -> bool {
        true
    }

    fn encoder(&self, _part: usize) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(CopyText(self.codec)))
    }

    fn open(&self, part: usize) -> Result<Box<dyn PartWriter + '_>> {
        let mut state = self.lock();
        let statements = state.statements_before(&self.plan, |fate, _| *fate == Fate::Data(part));
        let entry = self.plan.entry_of(part);
        let text = statements + &state.restorer.before_data(entry) + &self.plan.copy_statement(part);
        state.write_text(self.codec, &text)?;
        drop(state);
        Ok(Box::new(Rows { target: self, written_bytes: 0 }))
    }

    fn large_object(&self, _entry: i32, oid: u32, content: &mut dyn Read) -> Result<()> {
        let mut state = self.lock();
        state.start_large_objects(&self.plan, self.codec)?;
        state.write_text(self.codec, &format!("SELECT pg_catalog.lo_open('{oid}', 131072);\n"))?;
        let mut piece = Vec::with_capacity(LARGE_OBJECT_PIECE_BYTES);
        loop {
            piece.clear();
            content.take(LARGE_OBJECT_PIECE_BYTES as u64).read_to_end(&mut piece).map_err(stream::error)?;
            if piece.is_empty() {
                break;
            }
            let digits: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
            state.write_text(self.codec, &format!("SELECT pg_catalog.lowrite(0, '\\x{digits}');\n"))?;
        }
        state.write_text(self.codec, "SELECT pg_catalog.lo_close(0);\n\n")
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>> {
        let codec = self.codec;
        let mut state = self.state.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.end_large_objects(codec)?;
        let text = state.statements_before(&self.plan, |_, _| false) + &state.restorer.epilogue();
        state.write_text(codec, &text)?;
        match state.output {
            Output::File { file, .. } => file.persist()?,
            Output::Stdout(mut stdout) => {
                stdout.flush().map_err(|error| Error::write(&error).at("stdout"))?
            }
        }
        Ok(Vec::new())
    }
}

impl State {
    /// The statements from where the script is to the first entry that `is_end`, or to the end; past that entry it goes
    /// on later.
    fn statements_before(&mut self, plan: &Plan, is_end: impl Fn(&Fate, &Entry) -> bool) -> String {
        let mut text = String::new();
        while let Some(entry) = plan.dump.entries.get(self.next_entry) {
            let fate = &plan.fates[self.next_entry];
            self.next_entry += 1;
            if is_end(fate, entry) {
                break;
            }
            if *fate == Fate::Carry {
                text += &self.restorer.entry(entry);
            }
        }
        text
    }

    /// Goes on to the entry of the large objects, unless the script is there.
    fn start_large_objects(&mut self, plan: &Plan, codec: Codec) -> Result<()> {
        let LargeObjects::Before { makes_transaction } = self.large_objects else { return Ok(()) };
        self.large_objects = LargeObjects::Among { makes_transaction };
        let text = self.statements_before(plan, |_, entry| entry.kind == "BLOBS");
        self.write_text(codec, &text)?;
        self.write_text(codec, if makes_transaction { "BEGIN;\n\n" } else { "" })
    }

    fn end_large_objects(&mut self, codec: Codec) -> Result<()> {
        match self.large_objects {
            LargeObjects::Among { makes_transaction: true } => self.write_text(codec, "COMMIT;\n\n"),
            _ => Ok(()),
        }
    }

    fn write_text(&mut self, codec: Codec, text: &str) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.write(&compressed(codec, text.as_bytes().to_vec())?)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.output {
            Output::File { file, path } => {
                file.write_all(bytes).map_err(|error| Error::write(&error).at(path.display()))
            }
            Output::Stdout(stdout) => {
                stdout.write_all(bytes).map_err(|error| Error::write(&error).at("stdout"))
            }
        }
    }
}

fn compressed(codec: Codec, text: Vec<u8>) -> Result<Vec<u8>> {
    codec.compress(text).map_err(|error| Error::write(&error))
}

/// Encodes batches as COPY text.
pub struct CopyText(pub Codec);

impl Encoder for CopyText {
    fn encode(&self, batch: &MaskedBatch, _first_row: u64) -> Result<Encoded> {
        let mut text = Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 4);
        copy::encode(batch, &mut text);
        Ok(Encoded::Bytes(compressed(self.0, text)?))
    }
}

/// Appends the rows of one part.
struct Rows<'a> {
    target: &'a ScriptTarget,
    written_bytes: u64,
}

impl PartWriter for Rows<'_> {
    fn write(&mut self, encoded: Encoded) -> Result<()> {
        let Encoded::Bytes(bytes) = encoded else { unreachable!("this target's encoder gives bytes") };
        self.written_bytes += bytes.len() as u64;
        self.target.lock().write(&bytes)
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.target.lock().write_text(self.target.codec, "\\.\n\n\n")?;
        Ok(self.written_bytes)
    }
}
