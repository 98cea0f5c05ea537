//! Spells out what was asked and chosen, for the engine to carry out.

use super::choice::{Choice, Policy, edges_named};
use super::conditions::Conditions;
use super::graph::{Edge, Graph, row_key};
use super::null_out::null_columns;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::rules::subset::{self as asked, Amount};
use crate::rules::subset_names::{EdgeAsked, IncludeAsked, SubsetAsked};
use crate::schema::Catalog;
use crate::subset::spec::{ColumnPair, Down, EdgeSpec, Guard, Rows, Share, Spec, TableSpec, Up};

/// A specification, and what belongs to it.
pub struct Specified {
    /// The specification, without parts.
    pub spec: Spec,
    /// The columns that become NULL where a reference of an edge does.
    pub null_columns: Vec<Vec<usize>>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Spells out the choice.
///
/// # Errors
/// What is asked that the schema does not allow, each of [`Kind::Rules`](crate::error::Kind::Rules).
pub fn specify(
    plan: &Plan,
    graph: &Graph,
    asked: &SubsetAsked,
    choice: &Choice,
    conditions: Conditions,
) -> Result<Specified, Vec<Error>> {
    let mut specifier = Specifier {
        catalog: &plan.catalog,
        graph,
        asked,
        choice,
        conditions,
        errors: Vec::new(),
        notes: Vec::new(),
        null_columns: vec![Vec::new(); graph.edges.len()],
    };
    let tables = (0..graph.tables.len()).map(|table| specifier.table(table)).collect();
    let mut spec = Spec { tables, ..Spec::default() };
    asked.includes.iter().for_each(|include| specifier.include(include, &mut spec));
    spec.edges = graph.edges.iter().enumerate().map(|(index, edge)| specifier.edge(index, edge)).collect();
    asked.edges.iter().for_each(|rule| specifier.asked_edge(rule, &mut spec));
    specifier.excluded_parents(&mut spec);
    let Specifier { errors, notes, null_columns, .. } = specifier;
    if errors.is_empty() { Ok(Specified { spec, null_columns, notes }) } else { Err(errors) }
}

struct Specifier<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    asked: &'a SubsetAsked,
    choice: &'a Choice,
    conditions: Conditions,
    errors: Vec<Error>,
    notes: Vec<String>,
    null_columns: Vec<Vec<usize>>,
}

impl Specifier<'_> {
    fn name(&self, table: usize) -> String {
        self.catalog.table(self.graph.tables[table]).name.to_string()
    }

    fn percent(&self) -> Option<Share> {
        self.asked.percent.map(|share| Share::percent(share.percent()))
    }

    fn table(&self, table: usize) -> TableSpec {
        let id = self.graph.tables[table];
        let types = self.catalog.table(id).columns.iter().map(|column| column.ty.clone()).collect();
        let mut spec = TableSpec::new(self.name(table), types, row_key(self.catalog, id));
        if let Some(entity) = self.asked.tables.get(&id).and_then(|asked| asked.entity.clone()) {
            spec.entity = entity;
        }
        match &self.choice.policies[table] {
            Policy::Asked(Amount::Share(share)) => spec.rows = Rows::Percent(Share::percent(share.percent())),
            Policy::Asked(Amount::Rows(count)) => spec.rows = Rows::Count(*count),
            Policy::Asked(Amount::Where(_)) => {
                if let Some(condition) = self.conditions.of(table) {
                    spec.rows = Rows::Where(condition);
                }
            }
            Policy::Asked(Amount::All) | Policy::Lookup => spec.whole = true,
            Policy::Asked(Amount::None) => spec.rows = Rows::None,
            Policy::Anchor | Policy::Untied => {
                spec.rows = self.percent().map_or(Rows::Unsaid, Rows::Percent);
            }
            Policy::Follows(_) => spec.unowned = self.percent(),
            Policy::Referred => {}
        }
        spec
    }

    fn include(&mut self, include: &IncludeAsked, spec: &mut Spec) {
        let Some(table) = self.graph.table(include.table) else { return };
        let key = &spec.tables[table].key;
        let order: Option<Vec<usize>> = match &include.columns {
            None => Some((0..key.len()).collect()),
            Some(columns) if columns.len() == key.len() => {
                key.iter().map(|column| columns.iter().position(|own| own == column)).collect()
            }
            Some(_) => None,
        };
        let fits = order.filter(|order| {
            !order.is_empty() && include.keys.iter().all(|values| values.len() == order.len())
        });
        let Some(order) = fits else {
            let names = self.column_names(table, key);
            let hint = match key.is_empty() {
                true => "it has no key; say which rows by `rows = \"where …\"`".to_string(),
                false => format!("its rows are named by {names}"),
            };
            let what = format!("`include` does not name rows of `{}` by their key", self.name(table));
            self.errors.push(Error::rules(what).at(&include.place).hint(hint));
            return;
        };
        let bytes =
            |values: &Vec<String>| order.iter().map(|&place| values[place].clone().into_bytes()).collect();
        spec.tables[table].include.extend(include.keys.iter().map(bytes));
    }

    fn column_names(&self, table: usize, columns: &[usize]) -> String {
        let of = &self.catalog.table(self.graph.tables[table]).columns;
        columns.iter().map(|&column| format!("`{}`", of[column].name)).collect::<Vec<_>>().join(", ")
    }

    fn edge(&self, index: usize, edge: &Edge) -> EdgeSpec {
        let pairs: Vec<(usize, usize)> =
            edge.child_columns.iter().copied().zip(edge.parent_columns.iter().copied()).collect();
        let mut spec =
            EdgeSpec::new(self.graph.edge_name(self.catalog, edge), edge.child, edge.parent, &pairs);
        if let [ColumnPair { extract, .. }] = &mut spec.columns[..] {
            extract.clone_from(&edge.extract);
        }
        spec.guard = edge
            .label
            .as_ref()
            .map(|(column, label)| Guard { column: *column, values: vec![label.clone().into_bytes()] });
        spec.period = edge.period;
        spec.down = down(self.choice.down[index]);
        spec
    }

    /// Carries out an entry of `[[subset.edges]]`.
    fn asked_edge(&mut self, rule: &EdgeAsked, spec: &mut Spec) {
        let Some(table) = self.graph.table(rule.child) else { return };
        let named: Vec<usize> = edges_named(self.graph, table, &rule.columns).collect();
        if named.is_empty() {
            let error = self.no_such_edge(table, rule);
            self.errors.push(error);
        }
        for index in named {
            if let Some(cap) = rule.cap {
                spec.edges[index].cap = Some(cap);
                if spec.edges[index].down == Down::None {
                    let what =
                        format!("`cap` on `{}`, which brings no children along", spec.edges[index].name);
                    let error = Error::rules(what).at(&rule.place);
                    self.errors.push(error.hint("write `down = \"owner\"` or `\"any\"` beside it"));
                }
            }
            match rule.up {
                Some(asked::Up::Require) => spec.edges[index].up = Up::Require,
                Some(asked::Up::Drop) => spec.edges[index].up = Up::Drop,
                Some(asked::Up::Null) => match self.nullable(index) {
                    Ok(columns) => {
                        spec.edges[index].up = Up::Null;
                        self.null_columns[index] = columns;
                    }
                    Err(reason) => {
                        let what = format!(
                            "`up = \"null\"` on `{}`, which cannot be NULL: {reason}",
                            spec.edges[index].name
                        );
                        let error = Error::rules(what).at(&rule.place);
                        self.errors.push(error.hint("write `up = \"drop\"` or `\"require\"`"));
                    }
                },
                None => {}
            }
        }
    }

    fn nullable(&self, edge: usize) -> Result<Vec<usize>, String> {
        null_columns(self.catalog, self.graph, &self.graph.edges[edge])
    }

    fn no_such_edge(&self, table: usize, rule: &EdgeAsked) -> Error {
        let columns = self.column_names(table, &rule.columns);
        let what = format!("{columns} of `{}` refer to no other table", self.name(table));
        let of_table = self.graph.edges.iter().filter(|edge| edge.child == table);
        let names: Vec<String> = of_table.map(|edge| self.graph.edge_name(self.catalog, edge)).collect();
        let written = names.first().cloned().unwrap_or_default();
        let error = Error::rules(what).at(&rule.place);
        error.hint(match names.len() {
            0 => "the table has no foreign key; declare one under `[[foreign_keys]]`".to_string(),
            1 => format!("its reference is `{written}`"),
            _ => format!("its references are `{}`", names.join("`, `")),
        })
    }

    /// References to tables of which no row is kept become NULL where they can, unless it is said what becomes of them;
    /// else their rows are left out, and bring nothing along before they are.
    fn excluded_parents(&mut self, spec: &mut Spec) {
        let said: Vec<usize> = self
            .asked
            .edges
            .iter()
            .filter(|rule| rule.up.is_some())
            .filter_map(|rule| Some(edges_named(self.graph, self.graph.table(rule.child)?, &rule.columns)))
            .flatten()
            .collect();
        self.empty_children(spec);
        for (index, edge) in self.graph.edges.iter().enumerate() {
            let is_empty = |table: usize| matches!(spec.tables[table].rows, Rows::None);
            if !is_empty(edge.parent) || is_empty(edge.child) || said.contains(&index) {
                continue;
            }
            match self.nullable(index) {
                Ok(columns) => {
                    spec.edges[index].up = Up::Null;
                    self.null_columns[index] = columns;
                }
                Err(reason) => {
                    spec.edges[index].up = Up::Drop;
                    self.notes.push(format!(
                        "rows that refer by `{}` are left out with `{}`, for the reference cannot be NULL: {reason}",
                        spec.edges[index].name,
                        self.name(edge.parent)
                    ));
                }
            }
        }
    }

    /// Leaves out the tables all of whose rows need a row of a table that is left out.
    fn empty_children(&mut self, spec: &mut Spec) {
        while let Some(index) = self.needs_an_empty_table(spec) {
            let edge = &self.graph.edges[index];
            let table = &mut spec.tables[edge.child];
            (table.rows, table.whole, table.unowned) = (Rows::None, false, None);
            table.include.clear();
            self.notes.push(format!(
                "no row of `{}` is kept, for each needs one of `{}` by `{}`",
                self.name(edge.child),
                self.name(edge.parent),
                spec.edges[index].name
            ));
        }
    }

    /// An edge by which every row of a table that is not left out needs a row of one that is.
    fn needs_an_empty_table(&self, spec: &Spec) -> Option<usize> {
        let is_empty = |table: usize| matches!(spec.tables[table].rows, Rows::None);
        let needs_one = |(index, edge): &(usize, &Edge)| {
            is_empty(edge.parent)
                && !is_empty(edge.child)
                && spec.edges[*index].up != Up::Null
                && self.is_bound(edge)
                && self.nullable(*index).is_err()
        };
        self.graph.edges.iter().enumerate().find(needs_one).map(|(index, _)| index)
    }

    /// Whether every row of the child refers to a row of the parent.
    fn is_bound(&self, edge: &Edge) -> bool {
        let child = self.catalog.table(self.graph.tables[edge.child]);
        edge.holds && edge.child_columns.iter().all(|&column| child.columns[column].not_null)
    }
}

fn down(chosen: asked::Down) -> Down {
    match chosen {
        asked::Down::Owner => Down::Owner,
        asked::Down::Any => Down::Any,
        asked::Down::All => Down::All,
        asked::Down::None => Down::None,
    }
}
