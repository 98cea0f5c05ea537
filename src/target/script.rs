//! A plain script that `psql` loads: the dump's statements in their order, the rows as COPY text between them.
//!
//! A file may be compressed; each block is then a gzip member, a Zstandard frame or an LZ4 frame of its own, made on
//! the threads that encode, and their sequence is a file that `zcat`, `zstdcat` and `lz4cat` read as one.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::masked::MaskedBatch;
use crate::pg::compression::Codec;
use crate::pg::copy;
use crate::pg::restore::{Include, Restorer};
use crate::plan::{Fate, Plan};
use crate::staged::StagedFile;
use crate::target::{Encoded, Encoder, PartWriter, Target};

/// The size of a block, in bytes: large enough that its bookkeeping does not count, small enough for a core's cache.
const BLOCK_BYTES: usize = 1 << 20;

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
        let mut state = State { output, restorer, next_entry: 0 };
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
        let text = state.statements_before(&self.plan, Some(part)) + &self.plan.copy_statement(part);
        state.write_text(self.codec, &text)?;
        drop(state);
        Ok(Box::new(Rows { target: self, written_bytes: 0 }))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let codec = self.codec;
        let mut state = self.state.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        let text = state.statements_before(&self.plan, None) + &state.restorer.epilogue();
        state.write_text(codec, &text)?;
        match state.output {
            Output::File { file, .. } => file.persist(),
            Output::Stdout(mut stdout) => stdout.flush().map_err(|error| Error::write(&error).at("stdout")),
        }
    }
}

impl State {
    /// The statements from where the script is to the rows of `part`, or to the end.
    fn statements_before(&mut self, plan: &Plan, part: Option<usize>) -> String {
        let mut text = String::new();
        while let Some(entry) = plan.dump.entries.get(self.next_entry) {
            let fate = &plan.fates[self.next_entry];
            self.next_entry += 1;
            match fate {
                Fate::Carry => text += &self.restorer.entry(entry),
                Fate::Data(of) if Some(*of) == part => return text + &self.restorer.before_data(entry),
                Fate::Data(_) | Fate::Drop(_) => (),
            }
        }
        text
    }

    fn write_text(&mut self, codec: Codec, text: &str) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.write(&codec.compress_block(text.as_bytes()))
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

/// Encodes batches as COPY text.
struct CopyText(Codec);

impl Encoder for CopyText {
    fn encode(&self, batch: &MaskedBatch, _first_row: u64) -> Result<Encoded> {
        let mut text = Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 4);
        copy::encode(batch, &mut text);
        Ok(Encoded::Bytes(match self.0 {
            Codec::Plain => text,
            codec => codec.compress_block(&text),
        }))
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
