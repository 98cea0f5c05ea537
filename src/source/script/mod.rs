//! Plain scripts of pg_dump and pg_dumpall, from a file or spooled from a stream.
//!
//! A script has no table of contents, so it is read twice: once to find its statements and where its rows are, and
//! once for the rows.

mod decoding;
mod index;
mod large_objects;

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Place, Result};
use crate::pg::blocks::BlockCutter;
use crate::pg::compression::Codec;
use crate::pg::dump::{Compression, Dump};
use crate::pg::insert::{InsertOptions, insert_reader};
use crate::pg::random_access::{DiskFile, RandomAccess};
use crate::pg::script::Extent;
use crate::pg::stream;
use crate::source::spool::Spool;
use crate::source::{BlockReader, DataPart, Source, VisitLargeObject};
use decoding::Decoding;
use index::{Form, Index, index};

/// Where a script comes from.
pub struct Input {
    name: String,
    bytes: Box<dyn RandomAccess>,
}

impl Input {
    /// The file at `path`.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) if it cannot be read.
    pub fn file(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        Ok(Input { name, bytes: Box::new(DiskFile::open(path)?) })
    }

    /// A stream that was spooled; `name` is for messages, such as `standard input`.
    pub fn spool(name: impl Into<String>, spool: Spool) -> Self {
        Input { name: name.into(), bytes: Box::new(spool) }
    }
}

/// An open script.
pub struct ScriptSource {
    input: Input,
    decoding: Decoding,
    index: Index,
    /// Where the script cannot be sought in: the stream, at the place where the last reader left it.
    stream: Mutex<Option<Stream>>,
}

/// The decoded text, read up to `offset`.
struct Stream {
    text: Box<dyn Read + Send>,
    offset: u64,
}

impl ScriptSource {
    /// Reads the whole script in `input` once.
    ///
    /// # Errors
    /// [`Kind::Snapshot`](crate::error::Kind::Snapshot) with file, line and byte if it is damaged, cut short, of several
    /// databases, or carries rows in a form that is not read.
    pub fn open(input: Input) -> Result<Self> {
        let read = || {
            let decoding = Decoding::of(&*input.bytes)?;
            let mut index = index(decoding.open(&*input.bytes, 0)?, decoding.transcoder)?;
            index.dump.compression = compression(decoding.codec);
            Ok((decoding, index))
        };
        let (decoding, index) = read().map_err(|error: Error| error.at(&input.name))?;
        Ok(ScriptSource { input, decoding, index, stream: Mutex::new(None) })
    }

    /// Reads the bytes of `extent`.
    fn read_extent(&self, extent: Extent) -> Result<Box<dyn Read + Send + '_>> {
        let length = extent.end - extent.start;
        let place = |error: Error| error.at(&self.input.name);
        if self.decoding.is_seekable() {
            let text = self.decoding.open(&*self.input.bytes, extent.start).map_err(place)?;
            return Ok(Box::new(text.take(length)));
        }
        let left = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut stream = match left {
            Some(stream) if stream.offset <= extent.start => stream,
            _ => Stream { text: self.decoding.open(&*self.input.bytes, 0).map_err(place)?, offset: 0 },
        };
        let skipped = extent.start - stream.offset;
        let mut text = stream.text.by_ref().take(skipped);
        let count = io::copy(&mut text, &mut io::sink()).map_err(|failure| place(stream::error(failure)))?;
        if count < skipped {
            return Err(place(Error::snapshot("the script has become shorter while it was read")));
        }
        stream.offset = extent.start;
        Ok(Box::new(Lent { home: &self.stream, stream: Some(stream), end: extent.end }))
    }
}

impl Source for ScriptSource {
    fn dump(&self) -> &Dump {
        &self.index.dump
    }

    fn data(&self) -> &[DataPart] {
        &self.index.parts
    }

    fn read(&self, index: usize, block_bytes: usize) -> Result<Box<dyn BlockReader + '_>> {
        let (part, place) = (&self.index.parts[index], self.index.places[index]);
        let text = self.read_extent(place.extent)?;
        let table = Place::table(&part.target.table);
        let name = Place::file(format!("{}, {table}", self.input.name));
        Ok(match place.form {
            Form::Copy => Box::new(BlockCutter::new(text, block_bytes, name)),
            Form::Insert { backslashes } => insert_reader(
                text,
                InsertOptions {
                    target: part.target.clone(),
                    backslashes,
                    block_bytes,
                    place: name,
                    line: place.extent.line,
                },
            ),
        })
    }

    fn is_seekable(&self) -> bool {
        self.decoding.is_seekable()
    }

    fn visit_large_objects(&self, visit: &mut VisitLargeObject<'_>) -> Result<()> {
        let entries = || {
            self.index.dump.entries.iter().filter(|entry| self.index.large_objects.contains_key(&entry.id))
        };
        let Some(first) = entries().next() else { return Ok(()) };
        for entry in entries() {
            let extent = self.index.large_objects[&entry.id];
            let statements = io::BufReader::new(self.read_extent(extent)?);
            large_objects::visit(statements, &mut |oid, content| visit(first, oid, content))
                .map_err(|error| error.at(&self.input.name))?;
        }
        Ok(())
    }

    fn notes(&self) -> &[String] {
        &self.index.notes
    }
}

/// The stream while a reader has it; dropped, it goes back for the next one.
struct Lent<'a> {
    home: &'a Mutex<Option<Stream>>,
    stream: Option<Stream>,
    end: u64,
}

impl Read for Lent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let left = usize::try_from(self.end - stream.offset).unwrap_or(usize::MAX).min(buffer.len());
        let count = stream.text.read(&mut buffer[..left])?;
        stream.offset += count as u64;
        Ok(count)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.take();
    }
}

fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::Plain => Compression::None,
        Codec::Gzip | Codec::Zlib => Compression::Gzip,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::dump::Entry;
    use std::io::Write as _;

    const SCRIPT: &str = r"--
-- PostgreSQL database dump
--

\restrict abc

-- Dumped from database version 15.20 (Debian 15.20-1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-1)

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Name: f(); Type: FUNCTION; Schema: public; Owner: ana
--

CREATE FUNCTION public.f() RETURNS integer
    LANGUAGE sql
    AS $$
COPY public.a (b) FROM stdin;
\.
$$;

--
-- Name: a; Type: TABLE; Schema: public; Owner: ana
--

CREATE TABLE public.a (
    b integer,
    c text
);

--
-- Data for Name: a; Type: TABLE DATA; Schema: public; Owner: ana
--

COPY public.a (b, c) FROM stdin;
1	é
2	\N
\.

INSERT INTO public.d VALUES (1, 'x');
INSERT INTO public.d VALUES (2, 'it''s');

--
-- PostgreSQL database dump complete
--

\unrestrict abc

";

    fn open(bytes: &[u8]) -> Result<ScriptSource> {
        let spool = Spool::fill(bytes, &std::env::temp_dir())?;
        ScriptSource::open(Input::spool("a.sql", spool))
    }

    fn rows(source: &ScriptSource, part: usize) -> Result<String> {
        let mut reader = source.read(part, 1 << 20)?;
        let mut rows = Vec::new();
        while let Some(block) = reader.next_block()? {
            rows.extend(block.bytes);
        }
        Ok(String::from_utf8(rows).unwrap())
    }

    fn all_rows(bytes: &[u8]) -> Result<Vec<String>> {
        let source = open(bytes)?;
        (0..source.data().len()).map(|part| rows(&source, part)).collect()
    }

    const ROWS: [&str; 2] = ["1\té\n2\t\\N\n", "1\tx\n2\tit's\n"];

    #[test]
    fn a_script_gives_entries_and_rows() {
        let source = open(SCRIPT.as_bytes()).unwrap();
        let dump = source.dump();
        assert_eq!(dump.server_version.as_deref(), Some("15.20"));
        assert_eq!(dump.dump_version.as_deref(), Some("15.20 (Debian 15.20-1)"));
        let entries: Vec<_> = dump.entries.iter().map(|entry| (&*entry.kind, &*entry.tag)).collect();
        assert_eq!(
            entries,
            [
                ("META", ""),
                ("SESSION", ""),
                ("SESSION", ""),
                ("SESSION", ""),
                ("FUNCTION", "f()"),
                ("TABLE", "a"),
                ("TABLE DATA", "a"),
                ("TABLE DATA", "d"),
                ("META", ""),
            ]
        );
        assert_eq!(dump.entries[5].owner, "ana");
        assert!(dump.entries[5].definition.starts_with("--\n-- Name: a;"));
        assert_eq!(dump.entries[6].copy_statement, "COPY public.a (b, c) FROM stdin;");
        assert!(source.is_seekable());
        assert_eq!([rows(&source, 1).unwrap(), rows(&source, 0).unwrap()], [ROWS[1], ROWS[0]]);
    }

    #[test]
    fn compression_line_ends_marks_and_encodings_do_not_matter() {
        let windows = SCRIPT.replace('\n', "\r\n");
        let marked = format!("\u{feff}{SCRIPT}");
        let latin = SCRIPT.replace("UTF8", "LATIN1").chars().map(|letter| letter as u8).collect::<Vec<_>>();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(windows.as_bytes()).unwrap();
        let zstd = zstd::encode_all(SCRIPT.as_bytes(), 1).unwrap();
        for bytes in [windows.into_bytes(), marked.into_bytes(), latin, gzip.finish().unwrap(), zstd] {
            assert_eq!(all_rows(&bytes).unwrap(), ROWS);
            let source = open(&bytes).unwrap();
            assert_eq!([rows(&source, 1).unwrap(), rows(&source, 0).unwrap()], [ROWS[1], ROWS[0]]);
            assert!(source.dump().entries[1].definition.ends_with("SET client_encoding = 'UTF8';"));
        }
    }

    #[test]
    fn utf16_is_refused() {
        let utf16: Vec<u8> = SCRIPT.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(open(&utf16).err().unwrap().what().contains("UTF-16"));
    }

    #[test]
    fn a_script_that_is_cut_anywhere_is_refused_or_whole() {
        let complete = SCRIPT.find("dump complete").unwrap() + "dump complete".len();
        for length in 0..SCRIPT.len() {
            match all_rows(&SCRIPT.as_bytes()[..length]) {
                Ok(rows) => assert!(length >= complete && rows == ROWS, "{length}"),
                Err(error) => assert!(error.to_string().contains("a.sql"), "{error}"),
            }
        }
    }

    #[test]
    fn one_database_of_a_cluster_may_have_tables() {
        let cluster = |template: &str| {
            format!(
                "CREATE ROLE ana;\nALTER ROLE ana WITH LOGIN PASSWORD 'SCRAM-secret';\n\\connect template1\n{template}\n\
                 CREATE DATABASE \"A b\";\n\\connect -reuse-previous=on \"dbname='A b'\"\nCREATE TABLE public.a ();\n"
            )
        };
        let source = open(cluster("").as_bytes()).unwrap();
        assert_eq!(source.dump().database.as_deref(), Some("A b"));
        assert_eq!(source.dump().entries[1].definition, "ALTER ROLE ana WITH LOGIN;");
        assert_eq!(source.notes(), ["passwords of roles left out: 1"]);
        let error = open(cluster("CREATE TABLE b ();").as_bytes()).err().unwrap();
        assert_eq!(error.what(), "the script holds several databases");
    }

    #[test]
    fn large_objects_are_one_entry_and_stay_in_the_script() {
        let objects = "SELECT pg_catalog.lo_open('1', 131072);\nSELECT pg_catalog.lowrite(0, '\\x00');\n\
                       SELECT pg_catalog.lo_close(0);";
        let source = open(format!("BEGIN;\n\n{objects}\n\nCOMMIT;\n").as_bytes()).unwrap();
        let kinds: Vec<_> = source.dump().entries.iter().map(|entry| &*entry.kind).collect();
        assert_eq!(kinds, ["BEGIN", "BLOBS", "COMMIT"]);
        let mut found = Vec::new();
        let visit = &mut |entry: &Entry, oid, content: &mut dyn Read| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(stream::error)?;
            found.push((entry.id, oid, bytes));
            Ok(())
        };
        source.visit_large_objects(visit).unwrap();
        assert_eq!(found, [(2, 1, vec![0])]);
    }

    #[test]
    fn names_without_schema_are_of_the_search_path() {
        let source = open(b"SET search_path = shop, pg_catalog;\nCOPY a (b) FROM stdin;\n\\.\n").unwrap();
        assert_eq!(source.data()[0].target.table.schema, "shop");
    }

    #[test]
    fn a_header_between_inserts_begins_another_part() {
        let header = "-- Data for Name: p; Type: TABLE DATA; Schema: public; Owner: -\n";
        let insert = "INSERT INTO public.root VALUES (1);\n";
        let source = open(format!("{header}{insert}{insert}{header}{insert}").as_bytes()).unwrap();
        assert_eq!([rows(&source, 0).unwrap(), rows(&source, 1).unwrap()], ["1\n1\n", "1\n"]);
    }

    #[test]
    fn an_encoding_may_be_named_before_a_session_that_names_its_own() {
        let script = b"\\encoding SQL_ASCII\n\\connect a\nSET client_encoding = 'LATIN1';\nCOMMENT ON TABLE a IS '\xe9';\n";
        let source = open(script).unwrap();
        assert_eq!(source.dump().entries[3].definition, "COMMENT ON TABLE a IS 'é';");
    }

    #[test]
    fn an_encoding_that_changes_is_refused() {
        for script in [
            "SET client_encoding = 'LATIN1';\nSET client_encoding = 'UTF8';\n",
            "SELECT '\nSET client_encoding = ''LATIN1'';';\nSET a = 1;\n",
        ] {
            assert!(open(script.as_bytes()).is_err(), "{script}");
        }
    }

    /// The sample databases beside the work tree, where there are any.
    #[test]
    fn the_sample_dumps_have_the_rows_of_their_facts() {
        let data = std::env::var("MASK_SAMPLE_DATA")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data").to_string());
        for name in ["pagila", "chinook"] {
            let folder = Path::new(&data).join(name);
            let Ok(facts) = std::fs::read(folder.join(format!("{name}.facts.json"))) else {
                eprintln!("skipped: no {}", folder.display());
                continue;
            };
            let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
            let source =
                ScriptSource::open(Input::file(&folder.join(format!("{name}.sql.gz"))).unwrap()).unwrap();
            for (part, data) in source.data().iter().enumerate() {
                let table = format!("{}.{}", data.target.table.schema, data.target.table.name);
                let tables = &facts["tables"];
                let known = [&table, &data.target.table.name].into_iter().find_map(|name| tables.get(name));
                let expected = known.and_then(|table| table["rows"].as_u64()).unwrap();
                let rows = rows(&source, part).unwrap().lines().count() as u64;
                assert_eq!(rows, expected, "{table}");
            }
        }
    }
}
