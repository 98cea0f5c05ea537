//! A plan as people read it and as programs do. Holds names, types and decisions; no row, no value, no key.

use serde::Serialize;

use crate::plan::subset::show::{SizedSubset, SubsetView};
use crate::plan::{Fate, Plan};
use crate::rules::LargeObjects;
use crate::schema::{TableId, quoted};

/// A plan in the form that `mask plan --format json` prints. Keys are only ever added.
#[derive(Serialize)]
pub struct PlanView {
    key_id: String,
    rules_sha256: String,
    tables: Vec<TableView>,
    left_out: Vec<EntryView>,
    large_objects: Option<&'static str>,
    subset: Option<SubsetView>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct TableView {
    name: String,
    columns: Vec<ColumnView>,
}

#[derive(Serialize)]
struct ColumnView {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    action: String,
    parameters: String,
    domain: Option<String>,
    by: Option<String>,
    decided_by: String,
}

#[derive(Serialize)]
struct EntryView {
    kind: String,
    name: String,
    reason: &'static str,
}

impl PlanView {
    /// The view of `plan`.
    pub fn new(plan: &Plan) -> Self {
        let mut tables: Vec<TableId> = plan.parts.iter().map(|part| part.table).collect();
        let mut seen = std::collections::HashSet::new();
        tables.retain(|table| seen.insert(*table));
        PlanView {
            key_id: plan.key_id.clone(),
            rules_sha256: plan.rules_sha256.clone(),
            tables: tables.into_iter().map(|table| table_view(plan, table)).collect(),
            left_out: left_out(plan),
            large_objects: plan.large_objects.map(|action| match action {
                LargeObjects::Keep => "keep",
                LargeObjects::Drop => "drop",
            }),
            subset: sized(plan).map(|subset| SubsetView::new(&subset, &plan.catalog)),
            notes: plan.notes.clone(),
        }
    }

    /// The plan as text: a paragraph a table, a line a column, then what is left out and what to know.
    pub fn to_text(&self) -> String {
        let mut text = format!("key {}, rules {}\n", self.key_id, &self.rules_sha256[..12]);
        for table in &self.tables {
            text += &format!("\n{}\n", table.name);
            let lines: Vec<[String; 4]> = table.columns.iter().map(ColumnView::cells).collect();
            let width = |cell: usize| lines.iter().map(|line| line[cell].chars().count()).max().unwrap_or(0);
            let (name, ty, action) = (width(0), width(1), width(2));
            for [a, b, c, d] in &lines {
                let line = format!("  {a:<name$}  {b:<ty$}  {c:<action$}  {d}");
                text += &format!("{}\n", line.trim_end());
            }
        }
        if let Some(subset) = &self.subset {
            text += &subset.to_text();
        }
        for note in &self.notes {
            text += &format!("\nnote: {note}\n");
        }
        text
    }

    /// The plan as JSON, indented.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("the view has only strings and lists") + "\n"
    }
}

impl ColumnView {
    fn cells(&self) -> [String; 4] {
        let mut details = Vec::new();
        details.extend((!self.parameters.is_empty()).then(|| self.parameters.clone()));
        details.extend(self.by.as_ref().map(|by| format!("by {}", quoted(by))));
        let action = match details.is_empty() {
            true => self.action.clone(),
            false => format!("{} ({})", self.action, details.join(", ")),
        };
        [quoted(&self.name), self.ty.clone(), action, self.decided_by.clone()]
    }
}

/// The subset and its sizes, known or estimated.
fn sized(plan: &Plan) -> Option<SizedSubset<'_>> {
    let selected = plan.subset.as_ref().map(SizedSubset::selected);
    selected.or_else(|| plan.estimate.as_ref().map(SizedSubset::estimated))
}

fn table_view(plan: &Plan, id: TableId) -> TableView {
    let table = plan.catalog.table(id);
    let column = |index: usize| {
        let decision = plan.decision(id, index);
        ColumnView {
            name: table.columns[index].name.clone(),
            ty: table.columns[index].type_text.clone(),
            action: plan.action_text(decision),
            parameters: decision.parameters.clone(),
            domain: Some(decision.domain.clone()).filter(|domain| !domain.is_empty()),
            by: decision.by.map(|by| table.columns[by].name.clone()),
            decided_by: plan.decided_by_text(decision),
        }
    };
    TableView { name: table.name.to_string(), columns: (0..table.columns.len()).map(column).collect() }
}

fn left_out(plan: &Plan) -> Vec<EntryView> {
    let view = |(entry, fate): (&crate::pg::dump::Entry, &Fate)| match fate {
        Fate::Drop(reason) => {
            Some(EntryView { kind: entry.kind.clone(), name: entry.tag.replace(['\n', '\r'], " "), reason })
        }
        _ => None,
    };
    plan.dump.entries.iter().zip(&plan.fates).filter_map(view).collect()
}
