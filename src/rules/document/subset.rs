//! The keys under `[subset]`.

use toml::de::DeValue;

use super::{DocumentReader, Key, Value, in_order};
use crate::error::Error;
use crate::rules::name::TableName;
use crate::rules::subset::{Amount, Down, EdgeRule, Include, Layer, Share, TableAmount, Up};

/// The keys of a table under `[subset.tables]`.
const TABLE_KEYS: [&str; 3] = ["rows", "entity", "include"];

impl DocumentReader<'_> {
    /// An entry under `[subset]`.
    pub(super) fn subset(&mut self, key: &Key<'_>, value: &Value<'_>) {
        match &**key.get_ref() {
            "percent" => self.percent(key, value),
            "include" => {
                for written in self.strings(key, value) {
                    self.include(key, &written);
                }
            }
            "tables" => self.each(key, value, DocumentReader::subset_table),
            "edges" => self.subset_edges(key, value),
            _ => self.unknown_key(key, &["percent", "include", "tables", "edges"]),
        }
    }

    /// `10`, `0.5` or `"10%"`.
    fn percent(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let share = match value.get_ref() {
            DeValue::String(written) => Share::parse(written),
            DeValue::Integer(number) if number.radix() == 10 => {
                number.as_str().parse().ok().and_then(Share::of_percent)
            }
            DeValue::Float(number) => number.as_str().parse().ok().and_then(Share::of_percent),
            _ => None,
        };
        match share {
            Some(share) => self.rules.subset.percent = Some(share),
            None => self.refuse(
                key,
                "`percent` is not a number from 0 to 100",
                Some("such as `percent = 10`".into()),
            ),
        }
    }

    /// An entry under `[subset.tables]`: a table, or a schema with tables of its own.
    fn subset_table(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let written = key.get_ref().to_string();
        match value.get_ref() {
            DeValue::Table(entries) if !entries.keys().any(|key| TABLE_KEYS.contains(&&**key.get_ref())) => {
                for (inner_key, inner) in in_order(entries) {
                    self.amount_of(&format!("{written}.{}", inner_key.get_ref()), inner_key, inner);
                }
            }
            _ => self.amount_of(&written, key, value),
        }
    }

    fn amount_of(&mut self, written: &str, key: &Key<'_>, value: &Value<'_>) {
        let Some(name) = TableName::parse(written) else {
            let hint = "write `name`, `\"schema.name\"` or `'\"Schema\".\"Name\"'`";
            return self.refuse(key, format!("`{written}` is not the name of a table"), Some(hint.into()));
        };
        let place = self.line(key).to_string();
        let mut table = TableAmount { name, amount: None, entity: None, layer: Layer::Rules, place };
        match value.get_ref() {
            DeValue::String(amount) => table.amount = self.amount(key, amount),
            DeValue::Table(entries) => {
                for (inner_key, inner) in in_order(entries) {
                    match &**inner_key.get_ref() {
                        "rows" => {
                            let amount = self.string(inner_key, inner);
                            table.amount = amount.and_then(|amount| self.amount(inner_key, &amount));
                        }
                        "entity" => table.entity = self.string(inner_key, inner),
                        "include" => {
                            for keys in self.strings(inner_key, inner) {
                                self.include(inner_key, &format!("{written}: {keys}"));
                            }
                        }
                        _ => self.unknown_key(inner_key, &TABLE_KEYS),
                    }
                }
            }
            _ => {
                let hint = format!("an amount is {}", Amount::WRITTEN_AS);
                self.refuse(
                    key,
                    format!("the amount of `{written}` is neither a string nor a table"),
                    Some(hint),
                );
            }
        }
        self.rules.subset.tables.push(table);
    }

    fn amount(&mut self, key: &Key<'_>, written: &str) -> Option<Amount> {
        let amount = Amount::parse(written);
        if amount.is_none() {
            let hint = format!("an amount is {}", Amount::WRITTEN_AS);
            self.refuse(key, format!("the amount of `{}` cannot be read", key.get_ref()), Some(hint));
        }
        amount
    }

    fn include(&mut self, key: &Key<'_>, written: &str) {
        let place = self.line(key).to_string();
        match Include::parse(written, &place) {
            Some(include) => self.rules.subset.includes.push(include),
            None => {
                let hint = "such as `\"customers: 42, 43\"` or `\"lines(order_id, number): (7, 1)\"`; a text with blanks or commas in single quotes";
                self.refuse(key, "an entry of `include` is not a table and its keys", Some(hint.into()));
            }
        }
    }

    fn subset_edges(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let Some(entries) = value.get_ref().as_array() else {
            let hint = "write `[[subset.edges]]` with `edge` below it";
            return self.refuse(key, "`edges` is not a list of tables", Some(hint.into()));
        };
        for entry in entries.iter() {
            self.subset_edge(key, entry);
        }
    }

    fn subset_edge(&mut self, key: &Key<'_>, entry: &Value<'_>) {
        const DOWN: [(&str, Down); 4] =
            [("owner", Down::Owner), ("any", Down::Any), ("all", Down::All), ("none", Down::None)];
        const UP: [(&str, Up); 3] = [("require", Up::Require), ("null", Up::Null), ("drop", Up::Drop)];
        let Some(fields) = self.table_value(key, entry) else { return };
        let place = self.line_at(entry.span().start).to_string();
        let errors_before = self.errors.len();
        let (mut edge, mut down, mut up, mut cap) = (None, None, None, None);
        for (key, value) in in_order(fields) {
            match &**key.get_ref() {
                "edge" => edge = self.reference(key, value),
                "down" => down = self.choice(key, value, &DOWN),
                "up" => up = self.choice(key, value, &UP),
                "cap" => cap = self.count(key, value),
                _ => self.unknown_key(key, &["edge", "down", "up", "cap"]),
            }
        }
        match edge {
            Some(edge) => self.rules.subset.edges.push(EdgeRule { edge, down, up, cap, place }),
            None if self.errors.len() > errors_before => {}
            None => self.errors.push(Error::rules("an edge of the subset has no `edge`").at(place).hint(
                "name the child table and the columns that refer, such as `edge = \"messages(receiver_id)\"`",
            )),
        }
    }

    fn count(&mut self, key: &Key<'_>, value: &Value<'_>) -> Option<u64> {
        let number = value.get_ref().as_integer().filter(|number| number.radix() == 10);
        let count = number.and_then(|number| number.as_str().parse().ok());
        if count.is_none() {
            self.refuse(key, format!("`{}` is not a whole number of rows", key.get_ref()), None);
        }
        count
    }

    /// A list of strings, or one string.
    fn strings(&mut self, key: &Key<'_>, value: &Value<'_>) -> Vec<String> {
        let strings: Option<Vec<String>> = match value.get_ref() {
            DeValue::String(one) => Some(vec![one.to_string()]),
            DeValue::Array(many) => {
                many.iter().map(|entry| entry.get_ref().as_str().map(str::to_string)).collect()
            }
            _ => None,
        };
        strings.unwrap_or_else(|| {
            self.refuse(key, format!("`{}` is not a list of strings", key.get_ref()), None);
            Vec::new()
        })
    }
}
