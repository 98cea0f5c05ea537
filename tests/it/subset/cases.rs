//! The cases that tell a right subset from a wrong one, each also read in other orders, parts, threads and memory, and
//! compared with the definition.

use pgmask::schema::{PgType, QualifiedName};
use pgmask::subset::json_path::JsonPath;
use pgmask::subset::spec::{Down, EdgeSpec, Extract, Guard, Rows, Share, TableSpec, Up};

use super::database::{Database, Fate, Reading, Row};
use super::oracle;
use super::random::{Random, reading};

/// A database that is put together a table and an edge at a time.
#[derive(Default)]
struct Made(Database);

/// Rows as text: `,` between rows, blanks between values, `-` for NULL.
fn rows(text: &str) -> Vec<Row> {
    let value = |value: &str| (value != "-").then(|| value.to_string());
    let rows = text.split(',').map(str::trim).filter(|row| !row.is_empty());
    rows.map(|row| row.split(' ').map(value).collect()).collect()
}

impl Made {
    /// A table of integers whose key is the first column.
    fn table(self, name: &str, text: &str) -> Self {
        let rows = rows(text);
        let width = rows.first().map_or(1, Vec::len);
        self.typed(name, vec![PgType::Int4; width], rows)
    }

    fn typed(mut self, name: &str, columns: Vec<PgType>, rows: Vec<Row>) -> Self {
        self.0.spec.tables.push(TableSpec::new(name, columns, vec![0]));
        self.0.rows.push(rows);
        self
    }

    fn set(mut self, name: &str, set: impl FnOnce(&mut TableSpec)) -> Self {
        let table = self.index(name);
        set(&mut self.0.spec.tables[table]);
        self
    }

    /// Always includes the rows with these keys.
    fn include(self, name: &str, keys: &str) -> Self {
        let keys = keys.split(' ').map(|key| vec![key.as_bytes().to_vec()]).collect();
        self.set(name, |table| table.include = keys)
    }

    /// An edge from a column of one table to the first of another, by which children follow, and which is required.
    fn owner(self, child: &str, column: usize, parent: &str) -> Self {
        self.edge(child, &[(column, 0)], parent, |edge| edge.down = Down::Owner)
    }

    /// An edge by which no child follows, and which is required.
    fn refers(self, child: &str, column: usize, parent: &str) -> Self {
        self.edge(child, &[(column, 0)], parent, |_| ())
    }

    fn edge(
        mut self,
        child: &str,
        pairs: &[(usize, usize)],
        parent: &str,
        set: impl FnOnce(&mut EdgeSpec),
    ) -> Self {
        let mut edge = EdgeSpec::new("e", self.index(child), self.index(parent), pairs);
        set(&mut edge);
        self.0.spec.edges.push(edge);
        self
    }

    fn index(&self, name: &str) -> usize {
        self.0.spec.tables.iter().position(|table| table.name == name).unwrap()
    }

    /// The fate of each row, the same in any order, in any parts, by any number of threads, and in any memory.
    fn fates(&self) -> Vec<Vec<Fate>> {
        let (selection, fates) = self.0.select(&Reading::plain(&self.0)).unwrap();
        for seed in 0..6 {
            let reading = reading(&mut Random(seed), &self.0, seed % 2 == 1, 1 + seed as usize % 3);
            let (other, others) = self.0.select(&reading).unwrap();
            assert_eq!(self.0.sorted(&others), self.0.sorted(&fates));
            assert_eq!((&other.tables, &other.edges), (&selection.tables, &selection.edges));
        }
        fates
    }

    /// The same, compared with the definition.
    fn checked(&self) -> Vec<Vec<Fate>> {
        let fates = self.fates();
        assert_eq!(fates, oracle::fates(&self.0));
        fates
    }

    /// The first values of the rows of a table that are kept; in brackets that of a stub, after `!` where a reference of the
    /// row becomes NULL.
    fn kept(&self, name: &str) -> String {
        self.show(name, &self.checked())
    }

    fn show(&self, name: &str, fates: &[Vec<Fate>]) -> String {
        let table = self.index(name);
        let shown = self.0.rows[table].iter().zip(&fates[table]).filter(|(_, fate)| fate.kept);
        let shown = shown.map(|(row, fate)| {
            let value = row[0].clone().unwrap_or("-".into());
            let value = if fate.owned { value } else { format!("({value})") };
            format!("{}{value}", "!".repeat(fate.nulled.len()))
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

fn made() -> Made {
    Made::default()
}

#[test]
fn an_order_follows_its_user_and_brings_its_products_but_not_their_other_orders() {
    let made = made()
        .table("users", "1, 2, 3")
        .table("products", "7, 8, 9")
        .table("orders", "10 1 7, 11 2 7, 12 2 8, 13 3 9, 14 - 9")
        .include("users", "2")
        .owner("orders", 1, "users")
        .refers("orders", 2, "products");
    assert_eq!(made.kept("orders"), "11 12");
    assert_eq!(made.kept("users"), "2");
    assert_eq!(made.kept("products"), "(7) (8)");
}

#[test]
fn a_self_reference_leads_to_ancestors_and_where_it_is_followed_to_descendants() {
    // 1 ← 2 ← 3 ← 4, 1 ← 5, and 6 refers to itself.
    let staff = || made().table("staff", "1 -, 2 1, 3 2, 4 3, 5 1, 6 6").include("staff", "3 6");
    assert_eq!(staff().refers("staff", 1, "staff").kept("staff"), "(1) (2) 3 6");
    assert_eq!(staff().owner("staff", 1, "staff").kept("staff"), "(1) (2) 3 4 6");
}

#[test]
fn two_self_references_are_followed_each_its_way() {
    // The second column is the manager, the third the mentor.
    let made = made()
        .table("staff", "1 - 5, 2 1 -, 3 2 4, 4 - -, 5 - 3")
        .include("staff", "2")
        .owner("staff", 1, "staff")
        .refers("staff", 2, "staff");
    assert_eq!(made.kept("staff"), "(1) 2 3 (4) (5)");
}

#[test]
fn rows_on_a_cycle_hold_each_other() {
    // a1 → b1 → a1, a2 → b2 → a3 → b2, b3 → a9 dangles.
    let cycle = |up: Up| {
        made().table("a", "1 1, 2 2, 3 2").table("b", "1 1, 2 3, 3 9").refers("a", 1, "b").edge(
            "b",
            &[(1, 0)],
            "a",
            |edge| edge.up = up,
        )
    };
    for up in [Up::Require, Up::Drop, Up::Null] {
        let all = cycle(up).set("a", |table| table.rows = Rows::All).set("b", |table| table.rows = Rows::All);
        assert_eq!((all.kept("a"), all.kept("b")), ("1 2 3".into(), "1 2 3".into()));
    }
    let of = |up: Up| cycle(up).include("a", "2");
    assert_eq!((of(Up::Require).kept("a"), of(Up::Require).kept("b")), ("2 (3)".into(), "(2)".into()));
    assert_eq!((of(Up::Null).kept("a"), of(Up::Null).kept("b")), ("2".into(), "!(2)".into()));
    assert_eq!((of(Up::Drop).kept("a"), of(Up::Drop).kept("b")), ("".into(), "".into()));
}

#[test]
fn overlapping_cycles_are_closed_together() {
    // a → b → c → a and b → d → b: from one row of a, once round both.
    let made = made()
        .table("a", "1 1, 2 2, 3 3")
        .table("b", "1 1 1, 2 2 2, 3 3 3")
        .table("c", "1 2, 2 1, 3 3")
        .table("d", "1 1, 2 2, 3 3")
        .refers("a", 1, "b")
        .refers("b", 1, "c")
        .refers("c", 1, "a")
        .refers("b", 2, "d")
        .refers("d", 1, "b")
        .include("a", "1");
    let kept = ["a", "b", "c", "d"].map(|table| made.kept(table));
    assert_eq!(kept, ["1 (2)", "(1) (2)", "(1) (2)", "(1) (2)"]);
}

#[test]
fn both_sides_of_a_diamond_meet_in_one_row() {
    let made = made()
        .table("region", "1, 2")
        .table("store", "1 1, 2 2")
        .table("customer", "1 1, 2 2")
        .table("sale", "1 1 1, 2 1 2, 3 2 2")
        .refers("store", 1, "region")
        .refers("customer", 1, "region")
        .refers("sale", 1, "store")
        .refers("sale", 2, "customer")
        .include("sale", "1");
    assert_eq!(
        ["region", "store", "customer", "sale"].map(|table| made.kept(table)),
        ["(1)", "(1)", "(1)", "1"]
    );
}

#[test]
fn a_message_follows_one_side_either_or_both() {
    let messages = |sender: Down, receiver: Down| {
        made()
            .table("users", "1, 2, 3")
            .table("messages", "1 1 1, 2 1 2, 3 1 3, 4 3 1, 5 3 3, 6 2 -, 7 - -, 8 2 9")
            .edge("messages", &[(1, 0)], "users", |edge| edge.down = sender)
            .edge("messages", &[(2, 0)], "users", |edge| edge.down = receiver)
            .include("users", "1 2")
    };
    let kept = |sender, receiver| messages(sender, receiver).kept("messages");
    assert_eq!(kept(Down::Owner, Down::None), "1 2 3 6 8");
    assert_eq!(messages(Down::Owner, Down::None).kept("users"), "1 2 (3)");
    assert_eq!(kept(Down::Any, Down::Any), "1 2 3 4 6 8");
    assert_eq!(kept(Down::All, Down::All), "1 2 6");
    assert_eq!(messages(Down::All, Down::All).kept("users"), "1 2");
    assert_eq!(kept(Down::All, Down::None), "1 2 3 6 8");
    assert_eq!(kept(Down::Owner, Down::All), "1 2 3 4 6 8");
}

#[test]
fn several_keys_on_one_column_are_each_held() {
    let made = made()
        .table("a", "1, 2")
        .table("b", "1, 2")
        .table("c", "1 1, 2 2, 3 3")
        .owner("c", 1, "a")
        .owner("c", 1, "a")
        .refers("c", 1, "b")
        .include("a", "2");
    assert_eq!(["a", "b", "c"].map(|table| made.kept(table)), ["2", "(2)", "2"]);
}

#[test]
fn a_composite_key_is_found_in_any_order_and_not_where_a_part_is_null() {
    let made = made()
        .table("items", "1 7, 2 7, 1 8, 7 1")
        .table("uses", "1 7 1, 2 8 1, 3 1 7, 4 - 1, 5 7 -, 6 9 9")
        // Declared as (second, first).
        .edge("uses", &[(1, 1), (2, 0)], "items", |_| ())
        .set("uses", |table| table.rows = Rows::All)
        .set("items", |table| table.key = vec![0, 1]);
    assert_eq!(made.kept("uses"), "1 2 3 4 5 6");
    assert_eq!(made.kept("items"), "(1) (1) (7)");
}

#[test]
fn a_parent_is_found_by_each_of_its_unique_columns() {
    let text = |value: &str| Some(value.to_string());
    let uuid = |digit: &str| text(&format!("{}-0000-0000-0000-000000000000", digit.repeat(8)));
    let made = made()
        .typed(
            "parents",
            vec![PgType::Int4, PgType::Uuid],
            vec![vec![text("1"), uuid("a")], vec![text("2"), uuid("b")], vec![text("3"), None]],
        )
        .typed(
            "children",
            vec![PgType::Int4, PgType::Int8, PgType::Uuid],
            vec![
                vec![text("1"), text("1"), None],
                vec![text("2"), None, uuid("b")],
                vec![text("3"), None, uuid("c")],
            ],
        )
        .refers("children", 1, "parents")
        .edge("children", &[(2, 1)], "parents", |_| ())
        .set("children", |table| table.rows = Rows::All);
    assert_eq!(made.kept("parents"), "(1) (2)");
    assert_eq!(made.kept("children"), "1 2 3");
}

#[test]
fn anchors_are_added_up_and_a_lookup_is_whole_with_what_it_refers_to() {
    let made = made()
        .table("continents", "1, 2")
        .table("countries", "1 1, 2 1")
        .table("users", "1 1, 2 2, 3 2")
        .table("events", "1 1, 2 2, 3 3, 4 3")
        .refers("countries", 1, "continents")
        .refers("users", 1, "countries")
        .owner("events", 1, "users")
        .set("countries", |table| table.whole = true)
        .include("users", "1")
        .include("events", "4");
    assert_eq!(made.kept("continents"), "(1)");
    assert_eq!(made.kept("countries"), "(1) (2)");
    assert_eq!(made.kept("users"), "1 (3)");
    assert_eq!(made.kept("events"), "1 4");
}

#[test]
fn what_requires_an_excluded_row_goes_and_what_can_do_without_is_nulled() {
    let made = |up: Up| {
        made()
            .table("audits", "1, 2")
            .table("orders", "1 1, 2 -, 3 9")
            .table("items", "1 1, 2 2, 3 3")
            .edge("orders", &[(1, 0)], "audits", |edge| edge.up = up)
            .owner("items", 1, "orders")
            .set("audits", |table| table.rows = Rows::None)
            .set("orders", |table| table.rows = Rows::All)
    };
    assert_eq!(
        ["audits", "orders", "items"].map(|table| made(Up::Null).kept(table)),
        ["", "!1 2 3", "1 2 3"]
    );
    for up in [Up::Require, Up::Drop] {
        assert_eq!(["audits", "orders", "items"].map(|table| made(up).kept(table)), ["", "2 3", "2 3"]);
    }
}

#[test]
fn a_cap_takes_the_same_children_whatever_is_owned_and_only_their_children_follow() {
    let orders: String = (1..=40).map(|id| format!("{id} {}, ", 1 + id % 2)).collect();
    let items: String = (1..=80).map(|id| format!("{id} {}, ", 1 + id % 40)).collect();
    let made = |cap: u64| {
        made()
            .table("users", "1, 2")
            .table("orders", &orders)
            .table("items", &items)
            .edge("orders", &[(1, 0)], "users", |edge| (edge.down, edge.cap) = (Down::Owner, Some(cap)))
            .owner("items", 1, "orders")
            .include("users", "1")
    };
    let kept = |cap: u64, table: &str| -> Vec<String> {
        made(cap).kept(table).split(' ').filter(|id| !id.is_empty()).map(str::to_string).collect()
    };
    assert_eq!((kept(0, "orders").len(), kept(3, "orders").len(), kept(3, "items").len()), (0, 3, 6));
    let more = kept(5, "orders");
    assert!(kept(3, "orders").iter().all(|order| more.contains(order)));
    assert_eq!(kept(99, "orders").len(), 20);
}

#[test]
fn a_polymorphic_reference_leads_where_its_type_says() {
    let text = |value: &str| Some(value.to_string());
    let note = |id: &str, kind: Option<&str>, to: &str| vec![text(id), kind.map(str::to_string), text(to)];
    let made = made()
        .table("posts", "1, 2, 3")
        .table("photos", "1, 2, 3")
        .typed(
            "notes",
            vec![PgType::Int4, PgType::Text, PgType::Int8],
            vec![
                note("1", Some("Post"), "1"),
                note("2", Some("Photo"), "2"),
                note("3", Some("Video"), "3"),
                note("4", Some("Post"), "9"),
                note("5", None, "3"),
            ],
        )
        .set("notes", |table| table.rows = Rows::All);
    let guard = |kind: &str| Some(Guard { column: 1, values: vec![kind.as_bytes().to_vec()] });
    let made = made.edge("notes", &[(2, 0)], "posts", |edge| edge.guard = guard("Post")).edge(
        "notes",
        &[(2, 0)],
        "photos",
        |edge| edge.guard = guard("Photo"),
    );
    assert_eq!(["posts", "photos", "notes"].map(|table| made.kept(table)), ["(1)", "(2)", "1 2 3 4 5"]);
}

#[test]
fn references_are_found_in_arrays_in_json_and_in_text() {
    let text = |value: &str| Some(value.to_string());
    let made = made()
        .table("tags", "1, 2, 3, 4, 5, 6, 7")
        .typed(
            "posts",
            vec![PgType::Int4, PgType::Array(Box::new(PgType::Int4)), PgType::Jsonb, PgType::Text],
            vec![
                vec![text("1"), text("{1,NULL,2}"), text("{\"a\": [3, \"4\", null, 99]}"), text("5")],
                vec![text("2"), text("{}"), text("{\"a\": []}"), text("not a number")],
                vec![text("3"), None, None, None],
            ],
        )
        .edge("posts", &[(1, 0)], "tags", |edge| edge.columns[0].extract = Extract::Elements)
        .edge("posts", &[(2, 0)], "tags", |edge| {
            edge.columns[0].extract = Extract::Json(JsonPath::parse("$.a[*]").unwrap());
        })
        .refers("posts", 3, "tags")
        .set("posts", |table| table.rows = Rows::All);
    assert_eq!(made.kept("tags"), "(1) (2) (3) (4) (5)");
    assert_eq!(made.kept("posts"), "1 2 3");
    let followed = made.include("tags", "2 7").edge("posts", &[(1, 0)], "tags", |edge| {
        (edge.columns[0].extract, edge.down, edge.up) = (Extract::Elements, Down::Any, Up::Null);
    });
    let followed = followed.set("posts", |table| table.rows = Rows::Unsaid);
    assert_eq!(followed.kept("posts"), "1");
}

#[test]
fn a_dangling_reference_is_copied_as_found() {
    let made = made()
        .table("users", "1, 2")
        .table("orders", "1 1, 2 8, 3 9, 4 -")
        .edge("orders", &[(1, 0)], "users", |edge| (edge.down, edge.up) = (Down::Owner, Up::Drop))
        .set("users", |table| table.rows = Rows::All)
        .set("orders", |table| table.unowned = Some(Share::ALL));
    assert_eq!(made.kept("orders"), "1 2 3 4");
    assert_eq!(made.0.select(&Reading::plain(&made.0)).unwrap().0.edges[0].references_dangling, 2);
}

#[test]
fn a_table_in_parts_is_one_table() {
    let made = made()
        .table("events", "1 -, 2 1, 3 2, 4 3, 5 -")
        .table("users", "1, 2, 3, 4, 5")
        .refers("events", 1, "users")
        .set("events", |table| table.rows = Rows::Count(3));
    let mut reading = Reading::plain(&made.0);
    let whole = made.checked();
    reading.part_ends = vec![vec![0, 2, 2, 4, 5], vec![1, 5]];
    assert_eq!(made.0.select(&reading).unwrap().1, whole);
    assert_eq!(whole[0].iter().filter(|fate| fate.kept).count(), 3);
}

#[test]
fn equal_values_are_one_key_whatever_their_types_and_texts() {
    let int8 = PgType::Int8;
    let numeric = || PgType::Numeric(None);
    let bpchar = || PgType::Bpchar(Some(6));
    let timestamptz = || PgType::TimestampTz(None);
    let upper = "6F9619FF-8B86-D011-B42D-00C04FC964FF";
    let hostile = "a\"'\t\\N\n\u{1F980}";
    for (child_type, child, parent_type, parent, is_equal) in [
        (PgType::Int2, "-7", int8.clone(), "-7", true),
        (PgType::Int4, "7", numeric(), "7.00", true),
        (numeric(), "7.10", numeric(), "7.1", true),
        (numeric(), "7.01", numeric(), "7.1", false),
        (bpchar(), "ab    ", bpchar(), "ab", true),
        (bpchar(), "ab    ", PgType::Text, "ab", true),
        (PgType::Text, "ab ", PgType::Text, "ab", false),
        (PgType::Citext, "ÀB", PgType::Citext, "àb", true),
        (PgType::Text, "AB", PgType::Text, "ab", false),
        (PgType::Float8, "-0", PgType::Float8, "0", true),
        (timestamptz(), "2024-03-01 01:30:00+02", timestamptz(), "2024-02-29 23:30:00+00", true),
        (PgType::Uuid, upper, PgType::Uuid, &upper.to_lowercase(), true),
        (PgType::Bytea, "\\x4142", PgType::Bytea, "AB", true),
        (PgType::Text, "07", int8.clone(), "7", true),
        (PgType::Text, "x", int8, "7", false),
        (PgType::Text, hostile, PgType::Text, hostile, true),
        (PgType::Text, "", PgType::Text, "", true),
        (PgType::Text, "\\N", PgType::Text, "N", false),
        (PgType::Date, "2024-01-01", PgType::Timestamp(None), "2024-01-01 00:00:00", true),
    ] {
        let text = |value: &str| Some(value.to_string());
        let shown = format!("{child_type} {child:?} {parent_type} {parent:?}");
        let made = made()
            .typed("parents", vec![parent_type], vec![vec![text(parent)]])
            .typed("children", vec![PgType::Int4, child_type], vec![vec![text("1"), text(child)]])
            .refers("children", 1, "parents")
            .set("children", |table| table.rows = Rows::All);
        // The definition's own idea of equal values ends where the random databases do.
        let fates = made.fates();
        assert_eq!(fates[0][0].kept, is_equal, "{shown}");
    }
}

#[test]
fn rows_without_a_key_keep_their_number_and_their_share_of_equal_ones() {
    let text = |value: &str| Some(value.to_string());
    let other = |name: &str| PgType::Other(QualifiedName::new("pg_catalog", name));
    let row = |number: usize| vec![text("{}"), text("<a/>"), text(&format!("({number},0)"))];
    let rows: Vec<Row> = (0..600).map(|index| row(if index < 400 { 0 } else { index })).collect();
    let made = |rows: Vec<Row>, percent: f64| {
        made().typed("points", vec![PgType::Json, PgType::Xml, other("point")], rows).set("points", |table| {
            (table.key, table.rows) = (vec![], Rows::Percent(Share::percent(percent)));
        })
    };
    let kept = |percent: f64| {
        let fates = made(rows.clone(), percent).checked();
        let kept = fates[0].iter().enumerate().filter(|(_, fate)| fate.kept);
        (kept.clone().count(), kept.filter(|(index, _)| *index < 400).count())
    };
    assert_eq!((kept(100.0), kept(0.0)), ((600, 400), (0, 0)));
    let (all, equal) = kept(10.0);
    assert!((40..80).contains(&all) && (22..58).contains(&equal), "{all} and {equal}");
}

#[test]
fn rows_without_columns_keep_their_share() {
    let all = made().typed("marks", vec![], vec![Row::new(); 40]);
    let made = all.set("marks", |table| {
        (table.key, table.rows) = (vec![], Rows::Percent(Share::percent(50.0)));
    });
    let kept = made.checked()[0].iter().filter(|fate| fate.kept).count();
    assert!((10..30).contains(&kept), "{kept} of 40");
}

#[test]
fn other_rows_and_another_order_change_nothing() {
    let ids = |range: std::ops::Range<u32>| range.map(|id| format!("{id}, ")).collect::<String>();
    let kept = |rows: &str, policy: Rows| {
        let made = made().table("users", rows).set("users", |table| table.rows = policy);
        made.kept("users").split(' ').map(str::to_string).collect::<Vec<_>>()
    };
    let percent = |percent: f64| Rows::Percent(Share::percent(percent));
    let few = kept(&ids(0..1_000), percent(10.0));
    assert!((70..130).contains(&few.len()), "{}", few.len());
    let more = kept(&ids(0..2_000), percent(10.0));
    assert!(few.iter().all(|id| more.contains(id)));
    assert_eq!(more.iter().filter(|id| id.parse::<u32>().unwrap() < 1_000).count(), few.len());
    let of = |percents: f64| kept(&ids(0..1_000), percent(percents));
    for (less, greater) in [(1.0, 5.0), (5.0, 10.0), (10.0, 99.0), (99.0, 100.0)] {
        let greater_set = of(greater);
        assert!(of(less).iter().all(|id| greater_set.contains(id)), "{less} % in {greater} %");
    }
    assert_eq!(of(100.0).len(), 1_000);
    let counted = kept(&ids(0..1_000), Rows::Count(100));
    assert_eq!(counted.len(), 100);
    assert!(kept(&ids(0..1_000), Rows::Count(40)).iter().all(|id| counted.contains(id)));
}

#[test]
fn the_same_people_are_kept_in_two_databases() {
    let kept = |ty: PgType, entity: &str| {
        let people = (0..200).map(|id| vec![Some(id.to_string())]).collect();
        let made = made().typed(if ty == PgType::Text { "crm" } else { "billing" }, vec![ty], people);
        let name = made.0.spec.tables[0].name.clone();
        let made = made.set(&name, |table| {
            table.rows = Rows::Percent(Share::percent(25.0));
            table.entity = if entity.is_empty() { name.clone() } else { entity.to_string() };
        });
        made.kept(&name)
    };
    assert_eq!(kept(PgType::Int8, "person"), kept(PgType::Text, "person"));
    assert_ne!(kept(PgType::Int8, ""), kept(PgType::Text, ""));
}

#[test]
fn a_period_is_referred_to_by_all_that_overlap_it() {
    let text = |value: &str| Some(value.to_string());
    let range = || PgType::Other(QualifiedName::new("pg_catalog", "daterange"));
    let price = |id: &str, from: &str, to: &str| vec![text(id), text(&format!("[{from},{to})"))];
    let made = made()
        .typed(
            "prices",
            vec![PgType::Int4, range()],
            vec![
                price("1", "2024-01-01", "2024-02-01"),
                price("1", "2024-02-01", "2024-03-01"),
                price("1", "2024-03-01", "2024-04-01"),
                price("2", "2024-01-01", "2024-04-01"),
            ],
        )
        .typed(
            "sales",
            vec![PgType::Int4, PgType::Int4, range()],
            vec![vec![text("1"), text("1"), text("[2024-01-15,2024-02-15)")]],
        )
        .edge("sales", &[(1, 0), (2, 1)], "prices", |edge| edge.period = true)
        .set("sales", |table| table.rows = Rows::All)
        .set("prices", |table| table.key = vec![0, 1]);
    let fates = made.fates();
    assert_eq!(fates[0].iter().map(|fate| fate.kept).collect::<Vec<_>>(), [true, true, false, false]);
}

#[test]
fn empty_tables_and_keys_that_are_all_null_are_no_trouble() {
    let made = made()
        .table("empty", "")
        .table("rows", "1 -, 2 -")
        .owner("rows", 1, "empty")
        .refers("empty", 0, "rows")
        .set("rows", |table| table.unowned = Some(Share::ALL));
    assert_eq!((made.kept("rows"), made.kept("empty")), ("1 2".into(), "".into()));
    assert!(Made::default().checked().is_empty());
}

#[test]
fn a_value_that_is_no_integer_stops_the_run_without_being_shown() {
    let made = made()
        .table("users", "1")
        .table("orders", "1 1, 2 s3cr3t")
        .refers("orders", 1, "users")
        .set("orders", |table| table.rows = Rows::All);
    let error = made.0.select(&Reading::plain(&made.0)).err().unwrap().to_string();
    assert!(error.contains("orders") && error.contains("row 2") && !error.contains("s3cr3t"), "{error}");
}

#[test]
fn a_list_of_a_million_rows_is_closed_either_way() {
    const LENGTH: usize = 1_000_000;
    let mut ids: Vec<usize> = (0..LENGTH).collect();
    Random(1).shuffle(&mut ids);
    let before = |id: usize| id.checked_sub(1).map(|before| before.to_string());
    let rows: Vec<Row> = ids.iter().map(|&id| vec![Some(id.to_string()), before(id)]).collect();
    let list = made().typed("list", vec![PgType::Int8; 2], rows).refers("list", 1, "list");
    let up = list.include("list", &(LENGTH - 1).to_string());
    let kept = |made: &Made, integers: bool| {
        let reading = Reading { integers, ..Reading::plain(&made.0) };
        made.0.select(&reading).unwrap().0.tables[0]
    };
    for integers in [true, false] {
        assert_eq!(kept(&up, integers).rows_stub, LENGTH as u64 - 1);
    }
    let mut down = up.include("list", "0");
    down.0.spec.edges[0].down = Down::Any;
    for integers in [true, false] {
        assert_eq!(kept(&down, integers).rows_owned, LENGTH as u64);
    }
}
