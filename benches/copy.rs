//! COPY text: decoding into batches, masking, and encoding again, on one core.
//!
//! `cargo bench --bench copy`.

mod support;

use std::time::Instant;

use pgmask::masked::{Action, ColumnMask, MaskedBatch};
use pgmask::pg::copy::{Decoder, encode};
use pgmask::schema::PgType;
use pgmask::source::Block;
use support::{Folder, write_dump};

const BLOCKS: usize = 64;
const BLOCK_BYTES: usize = 1 << 20;
const COLUMNS: [&str; 10] =
    ["id", "first_name", "last_name", "email", "phone", "street", "city", "born", "created_at", "notes"];

fn main() {
    let blocks = blocks();
    let bytes: usize = blocks.iter().map(|block| block.bytes.len()).sum();
    let decoder = Decoder::new(&COLUMNS, "customers", true);
    let keep =
        ColumnMask { action: Action::Keep, ty: PgType::Text, by: None, when: None, inputs: Vec::new() };
    let masks = vec![keep; COLUMNS.len()];
    let mut batches = Vec::new();
    report("decode", bytes, || {
        batches =
            blocks.iter().map(|block| decoder.decode(block.clone(), 0).expect("the rows are ours")).collect();
    });
    let mut masked = Vec::new();
    report("mask (keep)", bytes, || {
        masked = batches
            .drain(..)
            .map(|batch| MaskedBatch::new(batch, &masks).unwrap_or_else(|_| unreachable!()))
            .collect();
    });
    let mut out = Vec::with_capacity(2 * BLOCK_BYTES);
    report("encode", bytes, || {
        for batch in &masked {
            out.clear();
            encode(batch, &mut out);
        }
    });
}

/// Blocks of the table `customers`.
fn blocks() -> Vec<Block> {
    let folder = Folder::new();
    write_dump(&folder.path("shop.sql"), (BLOCKS * BLOCK_BYTES * 5) as u64).expect("the dump can be written");
    let dump = std::fs::read(folder.path("shop.sql")).expect("the dump is there");
    let head = b"notes) FROM stdin;\n";
    let start = memchr::memmem::find(&dump, head).expect("the dump has customers") + head.len();
    let end = start + memchr::memmem::find(&dump[start..], b"\\.\n").expect("the rows end");
    let mut rest = &dump[start..end];
    let mut blocks = Vec::new();
    while rest.len() > BLOCK_BYTES {
        let cut = memchr::memrchr(b'\n', &rest[..BLOCK_BYTES]).expect("a row is short") + 1;
        blocks.push(Block { bytes: rest[..cut].to_vec() });
        rest = &rest[cut..];
    }
    blocks
}

fn report(name: &str, bytes: usize, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    let seconds = start.elapsed().as_secs_f64();
    println!("{name:<12} {:>8.0} MB/s", bytes as f64 / seconds / 1e6);
}
