//! A large object, written piece by piece.

use std::fmt::Write;
use std::io::Read;

use crate::error::Result;
use crate::pg::client::Connection;
use crate::pg::stream;

/// How much of a large object one statement writes, in bytes.
const PIECE_BYTES: u64 = 256 << 10;

/// Writes the content of the large object `oid`, which is there and empty.
///
/// # Errors
/// [`Kind::Staging`](crate::error::Kind::Staging) if the server refuses it, or what reading `content` fails with.
pub fn write(connection: &mut Connection, oid: u32, content: &mut dyn Read) -> Result<()> {
    let mut piece = Vec::new();
    let mut offset = 0;
    loop {
        piece.clear();
        (&mut *content).take(PIECE_BYTES).read_to_end(&mut piece).map_err(stream::error)?;
        if piece.is_empty() {
            return Ok(());
        }
        let mut sql = format!("SELECT pg_catalog.lo_put({oid}, {offset}, '\\x");
        piece.iter().for_each(|byte| write!(sql, "{byte:02x}").expect("a string takes all"));
        sql += "')";
        let written = connection.execute(&sql);
        written.map_err(|failure| {
            failure.staging("cannot write a large object").at(format!("large object {oid}"))
        })?;
        offset += piece.len();
    }
}
