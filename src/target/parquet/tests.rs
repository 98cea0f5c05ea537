//! Whole targets, written and read back.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Date32Type, Field, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use super::*;
use crate::error::Kind;
use crate::masked::MaskedBatch;
use crate::plan::PartPlan;
use crate::schema::{Catalog, Column, Generated, PgType, QualifiedName, Table};

/// A plan of one table `public.t` with `columns`, whose rows come in `parts` parts with all columns in their order.
fn plan(columns: Vec<Column>, parts: usize) -> Plan {
    let mut catalog = Catalog::default();
    let indexes = (0..columns.len()).filter(|&index| columns[index].generated.is_none()).collect::<Vec<_>>();
    let table =
        catalog.add_table(Table { name: QualifiedName::new("public", "t"), columns, ..Table::default() });
    let part = |index| PartPlan {
        source_index: index,
        entry: 0,
        table,
        columns: indexes.clone(),
        masks: Vec::new(),
    };
    Plan { catalog, parts: (0..parts).map(part).collect(), ..Plan::default() }
}

/// A batch of rows in COPY text, `\N` for NULL.
fn batch(rows: &[&str], columns: usize) -> MaskedBatch {
    let fields: Vec<_> =
        (0..columns).map(|i| Field::new(i.to_string(), DataType::BinaryView, true)).collect();
    let values = |index| rows.iter().map(move |row| row.split('\t').nth(index).filter(|&text| text != "\\N"));
    let arrays = (0..columns).map(|index| {
        Arc::new(BinaryViewArray::from_iter(values(index).map(|text| text.map(str::as_bytes)))) as ArrayRef
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let schema = Arc::new(Schema::new(fields));
    MaskedBatch::of_masked(RecordBatch::try_new_with_options(schema, arrays.collect(), &options).unwrap())
}

/// Writes `parts` of rows of one table, and finishes the target.
fn write(place: &Path, columns: Vec<Column>, parts: &[&[&str]]) -> Result<Vec<SpecialCount>> {
    let plan = Arc::new(plan(columns, parts.len()));
    let target = Box::new(ParquetTarget::create(place, Arc::clone(&plan), "-- schema".to_string())?);
    let specials = target.specials();
    for (part, rows) in parts.iter().enumerate() {
        let encoder = target.encoder(part)?;
        let mut writer = target.open(part)?;
        let columns = plan.parts[part].columns.len();
        // Two batches a part, so that rows are counted across them.
        let (first, second) = rows.split_at(rows.len() / 2);
        writer.write(encoder.encode(&batch(first, columns), 0)?)?;
        writer.write(encoder.encode(&batch(second, columns), first.len() as u64)?)?;
        writer.finish()?;
    }
    target.finish()?;
    Ok(specials.counts())
}

/// The rows of a file, as one batch.
fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(reader.schema());
    let batches = reader.build().unwrap().map(std::result::Result::unwrap).collect::<Vec<_>>();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

/// Writes one column of values and reads it back.
fn round_trip(ty: PgType, values: &[&str]) -> ArrayRef {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("out");
    write(&place, vec![Column::new("c", ty)], &[values]).unwrap();
    Arc::clone(read(&place.join("public.t/part-00000.parquet")).column(0))
}

/// The values as Arrow shows them, NULL as `-`.
fn shown(array: &dyn Array) -> Vec<String> {
    let options = FormatOptions::new().with_null("-");
    let formatter = ArrayFormatter::try_new(array, &options).unwrap();
    (0..array.len()).map(|row| formatter.value(row).to_string()).collect()
}

#[test]
fn numbers_are_numbers() {
    let shown = |ty, values: &[&str]| shown(&round_trip(ty, values));
    assert_eq!(shown(PgType::Bool, &["t", "f", "\\N"]), ["true", "false", "-"]);
    assert_eq!(shown(PgType::Int2, &["-32768", "\\N", "7"]), ["-32768", "-", "7"]);
    assert_eq!(shown(PgType::Int8, &["9223372036854775807"]), ["9223372036854775807"]);
    assert_eq!(shown(PgType::Oid, &["4294967295"]), ["4294967295"]);
    assert_eq!(shown(PgType::Float8, &["NaN", "-Infinity", "1e-300"]), ["NaN", "-inf", "1e-300"]);
    assert_eq!(shown(PgType::Numeric(Some((6, 2))), &["-1.50", "9999.99"]), ["-1.50", "9999.99"]);
    assert_eq!(shown(PgType::Numeric(Some((2, -3))), &["12000"]), ["12000"]);
    assert_eq!(shown(PgType::Numeric(Some((40, 1))), &["-123.4", "\\N"]), ["-123.4", "-"]);
    assert_eq!(shown(PgType::Numeric(None), &["NaN", "1e9"]), ["NaN", "1e9"]);
}

#[test]
fn text_is_unescaped_and_bytes_are_decoded() {
    let text = round_trip(PgType::Text, &["a\\tb", "", "\\N", "\\\\N"]);
    assert_eq!(text.as_string::<i32>(), &StringArray::from(vec![Some("a\tb"), Some(""), None, Some("\\N")]));
    let views = round_trip(PgType::Text, &["a value of more than twelve bytes", "\\N"]);
    assert_eq!(shown(&views), ["a value of more than twelve bytes", "-"]);
    for values in [["\\\\x00ff", "\\N"], ["\\\\000\\\\377", "\\N"]] {
        let bytes = round_trip(PgType::Bytea, &values);
        assert_eq!(bytes.as_binary::<i32>().iter().collect::<Vec<_>>(), [Some(&[0, 255][..]), None]);
    }
    let uuid = round_trip(PgType::Uuid, &["00000000-0000-0000-0000-0000000000ff"]);
    assert_eq!(uuid.as_fixed_size_binary().value(0)[15], 255);
}

#[test]
fn times_are_numbers_and_infinity_is_the_last_one() {
    let dates = round_trip(PgType::Date, &["1970-01-02", "infinity", "-infinity", "0001-01-01 BC"]);
    assert_eq!(dates.as_primitive::<Date32Type>().values()[..], [1, i32::MAX, -i32::MAX, -719_528]);
    let instants = round_trip(PgType::TimestampTz(None), &["1970-01-01 02:00:00+02", "infinity"]);
    assert_eq!(instants.as_primitive::<TimestampMicrosecondType>().values()[..], [0, i64::MAX]);
    assert_eq!(instants.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    assert_eq!(
        shown(&round_trip(PgType::Timestamp(None), &["2024-02-29 12:00:00.5"])),
        ["2024-02-29T12:00:00.500"]
    );
    assert_eq!(shown(&round_trip(PgType::Time(None), &["23:59:59.999999"])), ["23:59:59.999999"]);
}

#[test]
fn arrays_are_lists() {
    let array = |element| PgType::Array(Box::new(element));
    let numbers = round_trip(array(PgType::Int4), &["{1,NULL,3}", "{}", "\\N"]);
    assert_eq!(shown(&numbers), ["[1, -, 3]", "[]", "-"]);
    let texts = round_trip(array(PgType::Text), &["{\"a \\\\\"b\\\\\"\",\"x\\\\\\\\y\"}", "{c}"]);
    assert_eq!(shown(&texts), ["[a \"b\", x\\y]", "[c]"]);
    let times = round_trip(array(PgType::TimestampTz(None)), &["{\"1970-01-01 00:00:01+00\"}"]);
    assert_eq!(
        times.as_list::<i32>().values().as_primitive::<TimestampMicrosecondType>().value(0),
        1_000_000
    );
}

#[test]
fn what_has_no_exact_form_is_null_and_kept_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("out");
    let numeric = PgType::Numeric(Some((5, 1)));
    let columns = vec![
        Column::new("n", numeric.clone()),
        Column::new("a \"x\"", PgType::Array(Box::new(numeric))),
        Column::new("ts", PgType::Timestamp(None)),
    ];
    let first = ["1.0\t{1.5}\t\\N", "NaN\t{1.0,NaN,2.0}\t294276-12-31 00:00:00", "2.0\t{{1},{2}}\tinfinity"];
    let second = ["-Infinity\t[0:1]={1,2}\t\\N", "3.0\t{4.0}\t\\N"];
    let counts = write(&place, columns, &[&first, &second]).unwrap();

    let counts: Vec<_> = counts.iter().map(|count| (count.column.as_str(), count.cells)).collect();
    assert_eq!(counts, [("n", 2), ("a \"x\"", 3), ("ts", 1)]);
    assert_eq!(
        fs::read_to_string(place.join("public.t/_special.csv")).unwrap(),
        "part,row,column,value\n\
         0,2,\"n\",\"NaN\"\n\
         0,2,\"a \"\"x\"\"\",\"{1.0,NaN,2.0}\"\n\
         0,2,\"ts\",\"294276-12-31 00:00:00\"\n\
         0,3,\"a \"\"x\"\"\",\"{{1},{2}}\"\n\
         1000,1,\"n\",\"-Infinity\"\n\
         1000,1,\"a \"\"x\"\"\",\"[0:1]={1,2}\"\n"
    );
    let rows = read(&place.join("public.t/part-00000.parquet"));
    assert_eq!(shown(rows.column(0)), ["1.0", "-", "2.0"]);
    assert_eq!(shown(rows.column(1)), ["[1.5]", "-", "-"]);
    let rows = read(&place.join("public.t/part-01000.parquet"));
    assert_eq!(shown(rows.column(1)), ["-", "[4.0]"]);
}

#[test]
fn a_value_of_another_type_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("out");
    let columns =
        vec![Column::new("id", PgType::Int4), Column::new("Ids", PgType::Array(Box::new(PgType::Int4)))];
    let error = write(&place, columns, &[&["1\t{1}", "2\t{2}", "3\t{}", "4\t{4,s3cret}"]]).unwrap_err();
    assert_eq!(error.kind(), Kind::Snapshot);
    assert_eq!(
        error.to_string(),
        "value is not a valid `integer[]`\n  at: table `public.t`, column `\"Ids\"`, row 4"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn text_that_is_not_utf_8_is_an_error_with_its_place() {
    let (plain, escaped) = (&b"caf\xe9"[..], &b"caf\xe9\\n"[..]);
    for values in [[&b"x"[..], plain], [b"x", escaped]] {
        let array = BinaryViewArray::from_iter_values(values);
        let refused = columns::convert(&array, &PgType::Text, &DataType::Utf8).err().unwrap();
        assert_eq!(refused, columns::Refused { row: 1, fault: crate::pg::values::Fault::NotUtf8 });
    }
}

#[test]
fn a_table_without_rows_has_a_file_with_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    for (name, parts) in [("none", &[][..]), ("one", &[&[][..]][..])] {
        let place = folder.path().join(name);
        write(&place, vec![Column::new("a", PgType::Int4)], parts).unwrap();
        let rows = read(&place.join("public.t/part-00000.parquet"));
        assert_eq!((rows.num_rows(), rows.schema().field(0).name().as_str()), (0, "a"));
        assert_eq!(fs::read_to_string(place.join("schema.sql")).unwrap(), "-- schema");
    }
}

#[test]
fn columns_are_in_the_order_of_the_table_and_generated_ones_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("out");
    let generated = Column { generated: Some(Generated::Stored), ..Column::new("sum", PgType::Int4) };
    let columns = vec![
        Column::new("a", PgType::Int4),
        generated,
        Column::new("b", PgType::Text),
        Column::new("c", PgType::Date),
    ];
    let mut plan = plan(columns, 1);
    plan.parts[0].columns = vec![2, 0];
    let target = Box::new(ParquetTarget::create(&place, Arc::new(plan), String::new()).unwrap());
    let mut writer = target.open(0).unwrap();
    writer.write(target.encoder(0).unwrap().encode(&batch(&["x\t1"], 2), 0).unwrap()).unwrap();
    writer.finish().unwrap();
    target.finish().unwrap();

    let path = place.join("public.t/part-00000.parquet");
    let rows = read(&path);
    let names: Vec<_> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(rows.columns().iter().flat_map(|array| shown(array)).collect::<Vec<_>>(), ["1", "x", "-"]);
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let value = |key| metadata.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.clone());
    assert_eq!(value("pg.generated_columns").as_deref(), Some("[\"sum\"]"));
    assert_eq!(value("pg.table").as_deref(), Some("t"));
}

#[test]
fn the_rows_of_a_table_without_columns_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("out");
    write(&place, vec![], &[&["", "", ""]]).unwrap();
    let file = File::open(place.join("public.t/part-00000.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert!(metadata.iter().any(|entry| entry.key == "pg.rows" && entry.value.as_deref() == Some("3")));
}

#[test]
fn a_large_file_is_followed_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("out");
    let plan = Arc::new(plan(vec![Column::new("a", PgType::Int4)], 1));
    let target = Box::new(ParquetTarget::create(&place, plan, String::new()).unwrap());
    let encoder = target.encoder(0).unwrap();
    let mut writer = target.part_writer(TableId(0), 0).unwrap();
    writer.file_bytes = 1;
    let mut writer: Box<dyn PartWriter> = Box::new(writer);
    for row in ["1", "2"] {
        writer.write(encoder.encode(&batch(&[row], 1), 0).unwrap()).unwrap();
    }
    let bytes = writer.finish().unwrap();
    target.finish().unwrap();

    let files = ["part-00000.parquet", "part-00001.parquet"].map(|name| place.join("public.t").join(name));
    assert_eq!(files.each_ref().map(|file| shown(read(file).column(0))), [["1"], ["2"]]);
    assert_eq!(bytes, files.iter().map(|file| fs::metadata(file).unwrap().len()).sum::<u64>());
    assert_eq!(fs::read_dir(place.join("public.t")).unwrap().count(), 2);
}

#[test]
fn the_same_rows_make_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name| {
        let place = folder.path().join(name);
        let columns = vec![
            Column::new("a", PgType::Int4),
            Column::new("b", PgType::Uuid),
            Column::new("c", PgType::Jsonb),
        ];
        write(&place, columns, &[&["1\t\\N\t{}", "2\t\\N\t\\N"]]).unwrap();
        fs::read(place.join("public.t/part-00000.parquet")).unwrap()
    };
    assert_eq!(file("one"), file("two"));
}

proptest! {
    #[test]
    fn any_bytes_in_any_column_are_typed_or_refused(values: Vec<Option<Vec<u8>>>) {
        let array = BinaryViewArray::from_iter(values);
        let list = |element| PgType::Array(Box::new(element));
        for ty in [
            PgType::Bool, PgType::Int4, PgType::Float8, PgType::Numeric(Some((50, 2))), PgType::Text,
            PgType::Bytea, PgType::TimestampTz(None), PgType::Uuid, list(PgType::Text), list(list(PgType::Bytea)),
        ] {
            let data_type = crate::schema::arrow::arrow_type(&ty);
            if let Ok(column) = columns::convert(&array, &ty, &data_type) {
                prop_assert_eq!(column.array.len(), array.len());
            }
        }
    }

    #[test]
    fn integers_are_read_back(numbers: Vec<Option<i64>>) {
        let texts: Vec<_> = numbers.iter().map(|n| n.map(|n| n.to_string())).collect();
        let array = BinaryViewArray::from_iter(texts.iter().map(|text| text.as_ref().map(String::as_bytes)));
        let column = columns::convert(&array, &PgType::Int8, &DataType::Int64).ok().unwrap();
        prop_assert_eq!(column.array.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), numbers);
    }
}
