//! Binds rules to a schema: what happens to each column of each table that has rows.
//!
//! Every finding is told, not only the first. A column that nothing decides is one of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::decide::Decider;
use super::fit::{Effect, Fitting, Outcome};
use super::group::{Group, Ties, partition_roots};
use super::inputs::waiting;
use super::name::ColumnName;
use super::pack;
use super::resolve::{ColumnId, Resolved, find_column, find_reference};
use super::setting::{KEEP, Setting};
use super::shared::SharedMask;
use super::when;
use super::{ColumnRule, LargeObjects, Line, RuleSet, Unlisted};
use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::functions::lists::Lists;
use crate::functions::{Form, Function, Input};
use crate::key::MasterKey;
use crate::masked::Action;
use crate::schema::{Catalog, TableId, quoted};

/// The number of columns without a rule from which a table's are told in one message.
const GROUP_MISSING_ABOVE: usize = 20;

/// The rules as they apply to a schema.
pub struct Binding {
    /// For each table that has rows, what happens to each of its columns, in the table's order.
    pub tables: HashMap<TableId, Vec<ColumnAction>>,
    /// What becomes of large objects, where the rules say it.
    pub large_objects: Option<LargeObjects>,
    /// The hash of the rules and of the lists that they name, see [`RuleSet::sha256`].
    pub rules_sha256: String,
    /// What no plan can know, for people to read.
    pub notes: Vec<String>,
}

/// What happens to a column.
#[derive(Clone)]
pub struct ColumnAction {
    /// Its index in the table's columns.
    pub column: usize,
    /// What happens to its values.
    pub action: Action,
    /// The name of the masking function, `keep` and `null` among them.
    pub function: &'static str,
    /// The domain of its values; empty where they are not masked.
    pub domain: String,
    /// The function's parameters as a rule writes them.
    pub parameters: String,
    /// The column of the table that owns the values, where the rule says `by`.
    pub by: Option<usize>,
    /// Which rows are masked, where the rule says `when`; the others keep their values.
    pub when: Option<Arc<Condition>>,
    /// The columns of the table that the mask asks for, in its order.
    pub inputs: Vec<ColumnInput>,
    /// Who decided it.
    pub decided_by: Decision,
}

/// A column that another column's mask asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnInput {
    /// Its index in the table's columns.
    pub column: usize,
    /// Whether its values are asked for as read or as masked.
    pub form: Form,
}

/// Who decided what happens to a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The rule in that line.
    Rule(Line),
    /// `[defaults] unlisted`.
    Unlisted,
    /// The rule of another column, which it must mask like.
    Follows {
        /// That column's table.
        table: TableId,
        /// That column's index.
        column: usize,
    },
    /// The database: the column is generated, and its values are not in the snapshot.
    Generated,
}

/// Binds `rules` to `catalog`, deciding every column of `tables_with_data`; rules may name the `functions`.
///
/// # Errors
/// Everything for which the rules are refused, each of [`Kind::Rules`](crate::error::Kind::Rules): names that match
/// nothing, columns without a decision, rules that disagree, and masks that do not fit their columns.
pub fn bind(
    rules: &RuleSet,
    catalog: &Catalog,
    tables_with_data: &[TableId],
    key: &MasterKey,
    functions: &[&'static Function],
) -> Result<Binding, Vec<Error>> {
    let mut errors = Vec::new();
    for rule in rules.tables.iter().flat_map(|table| &table.columns) {
        errors.extend(Setting::new(rule, None, functions).err().into_iter().flatten());
    }
    let mut resolved = Resolved::new(rules, catalog, &mut errors);
    let ties = Ties::new(catalog, &resolved.references);
    let of_packs = pack::expand::expand(&rules.packs, catalog, &ties, functions);
    resolved.add_packs(&of_packs);
    let mut binder = Binder {
        rules,
        catalog,
        key,
        functions,
        resolved: &resolved,
        ties: &ties,
        with_data: tables_with_data.iter().copied().collect(),
        actions: HashMap::new(),
        conditions: HashMap::new(),
        refused: HashSet::new(),
        lists: Lists::default(),
        notes: Vec::new(),
        errors,
    };
    for group in ties.groups(catalog) {
        binder.group(&group);
    }
    binder.finish()
}

struct Binder<'a> {
    rules: &'a RuleSet,
    catalog: &'a Catalog,
    key: &'a MasterKey,
    functions: &'a [&'static Function],
    resolved: &'a Resolved<'a>,
    ties: &'a Ties,
    with_data: BTreeSet<TableId>,
    actions: HashMap<ColumnId, ColumnAction>,
    /// The conditions of each table, by their SQL.
    conditions: HashMap<(TableId, String), Arc<Condition>>,
    /// Columns of which an error was told; they are not told of again as having no rule.
    refused: HashSet<ColumnId>,
    lists: Lists,
    notes: Vec<String>,
    errors: Vec<Error>,
}

impl<'a> Binder<'a> {
    /// Decides the columns of one group.
    fn group(&mut self, group: &Group) {
        let decider = Decider { catalog: self.catalog, resolved: self.resolved, ties: self.ties };
        let decided = decider.decide(group, |rule| self.setting(rule)).and_then(|claim| match claim {
            Some(claim) => {
                SharedMask::new(self.catalog, self.functions, self.key, &self.lists, group, claim).map(Some)
            }
            None => Ok(None),
        });
        match decided {
            Ok(Some(mask)) => group.members.iter().for_each(|id| self.member(group, *id, &mask)),
            Ok(None) => group.members.iter().for_each(|id| self.unlisted(*id)),
            Err(errors) => {
                self.errors.extend(errors);
                self.refused.extend(&group.members);
            }
        }
    }

    fn setting(&self, rule: &'a ColumnRule) -> Option<Setting<'a>> {
        Setting::new(rule, self.rules.locale.as_deref(), self.functions).ok()
    }

    /// Gives a column of the group the group's mask.
    fn member(&mut self, group: &Group, id: ColumnId, mask: &SharedMask<'a>) {
        if self.is_generated(id) {
            return self.unlisted(id);
        }
        if self.is_refused_above(id) {
            self.refused.insert(id);
            return;
        }
        let setting = &mask.claim.setting;
        let own = self.resolved.rule(id).and_then(|chosen| self.setting(chosen.rule));
        let own = own.filter(|own| own.agrees_with(setting));
        // Values that are kept elsewhere are kept here only if they are all there: a key's reference, not its key.
        if own.is_none() && setting.keeps() && !self.is_kept_above(group, id, setting) {
            return self.unlisted(id);
        }
        let by = setting.rule.by.as_deref();
        let owner = match by.map(|by| self.other_column(id, "by", by)).transpose() {
            Ok(owner) => owner,
            Err(error) => return self.refuse(id, [error.at(&setting.rule.line)]),
        };
        let inputs: Result<Vec<ColumnInput>> =
            mask.inputs.iter().map(|input| self.input(id, input)).collect();
        let inputs = match inputs {
            Ok(inputs) => inputs,
            Err(error) => return self.refuse(id, [error.at(&setting.rule.line)]),
        };
        let when = match when::condition(self.catalog, group, id, &mask.claim) {
            Ok(when) => when.map(|when| self.shared_condition(id.table, when)),
            Err(error) => return self.refuse(id, [error.at(&setting.rule.line)]),
        };
        let objections = self.fitting(id).objections(setting, &Outcome { owner, ..mask.outcome });
        if !objections.is_empty() {
            return self.refuse(id, objections.into_iter().map(|error| error.at(&setting.rule.line)));
        }
        if mask.outcome.effect != Effect::Keep && self.with_data.contains(&id.table) {
            for note in self.fitting(id).notes() {
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
            }
        }
        let masked = mask.outcome.effect == Effect::Text;
        let action = ColumnAction {
            column: id.column,
            action: mask.action.clone(),
            function: setting.function.name,
            domain: if masked { setting.domain.clone() } else { String::new() },
            parameters: setting.parameters_text(),
            by: owner,
            when,
            inputs,
            decided_by: match own {
                Some(own) => Decision::Rule(own.rule.line.clone()),
                None => {
                    Decision::Follows { table: mask.claim.column.table, column: mask.claim.column.column }
                }
            },
        };
        self.actions.insert(id, action);
    }

    /// `condition`, or an equal one of the same table, so that columns with one condition ask it once a row.
    fn shared_condition(&mut self, table: TableId, condition: Condition) -> Arc<Condition> {
        let sql = condition.to_sql(self.catalog.table(table));
        self.conditions.entry((table, sql)).or_insert_with(|| Arc::new(condition)).clone()
    }

    fn refuse(&mut self, id: ColumnId, errors: impl IntoIterator<Item = Error>) {
        self.errors.extend(errors);
        self.refused.insert(id);
    }

    /// Whether an error was told of the column in a table that its table is a partition of: it holds here too.
    fn is_refused_above(&self, id: ColumnId) -> bool {
        partition_roots(self.catalog, id).any(|above| self.refused.contains(&above))
    }

    /// Whether some column above `id` has a rule that agrees with `setting`.
    fn is_kept_above(&self, group: &Group, id: ColumnId, setting: &Setting<'_>) -> bool {
        let above = self.ties.above(id);
        let settings = group
            .members
            .iter()
            .filter(|member| above.contains(member))
            .filter_map(|member| self.setting(self.resolved.rule(*member)?.rule));
        settings.into_iter().any(|above| above.agrees_with(setting))
    }

    /// The column that an input of the mask names in the table of `id`.
    fn input(&self, id: ColumnId, input: &Input) -> Result<ColumnInput> {
        let column = self.other_column(id, input.parameter, &input.column)?;
        Ok(ColumnInput { column, form: input.form })
    }

    /// The column that `parameter` of the rule names in the table of `id`.
    fn other_column(&self, id: ColumnId, parameter: &str, name: &str) -> Result<usize> {
        let name = ColumnName::new(name);
        let refused = |what: &str| {
            let error = Error::rules(format!("`{parameter}` of `{}` {what}", id.display(self.catalog)));
            Err(error.hint(match parameter {
                "by" => "name the column that tells whose value it is, such as `by = \"id\"`",
                _ => "name another column of the table",
            }))
        };
        if name.is_pattern() {
            return refused("is a pattern");
        }
        let owner = find_column(&name, id.table, self.catalog)?;
        match owner {
            owner if owner == id => refused("names the column itself"),
            owner if self.is_generated(owner) => refused("names a generated column"),
            owner => Ok(owner.column),
        }
    }

    /// Decides a column that no rule names, or leaves it to be told of.
    fn unlisted(&mut self, id: ColumnId) {
        let action = |function, action, decided_by| ColumnAction {
            column: id.column,
            action,
            function,
            domain: String::new(),
            parameters: String::new(),
            by: None,
            when: None,
            inputs: Vec::new(),
            decided_by,
        };
        if self.is_generated(id) {
            if let Some(error) = self.masks_generated(id) {
                self.errors.push(error);
            }
            self.actions.insert(id, action(KEEP, Action::Keep, Decision::Generated));
            return;
        }
        if !self.with_data.contains(&id.table) {
            return;
        }
        match self.rules.unlisted {
            Unlisted::Error => {}
            Unlisted::Keep => drop(self.actions.insert(id, action(KEEP, Action::Keep, Decision::Unlisted))),
            Unlisted::Null => match self.fitting(id).null("unlisted = \"null\"") {
                Some(error) => self.refuse(id, [error.at(self.place(id.table))]),
                None => drop(self.actions.insert(id, action("null", Action::Null, Decision::Unlisted))),
            },
        }
    }

    /// The error of a rule that names a generated column and masks it; a pattern may match one.
    fn masks_generated(&self, id: ColumnId) -> Option<Error> {
        let rule = self.resolved.rule(id)?.rule;
        let setting = self.setting(rule)?;
        (!rule.column.is_pattern() && !setting.keeps()).then(|| {
            let what = format!("column `{}` is generated, so it cannot be masked", id.display(self.catalog));
            let hint = "mask the columns it is computed from, and leave it out or write `keep`";
            Error::rules(what).at(&rule.line).hint(hint)
        })
    }

    /// Looks at the references within values: they do not mask as the key does.
    fn references_within_values(&mut self) {
        for declared in self.rules.foreign_keys.iter().filter(|declared| !declared.held.is_value()) {
            let ends = find_reference(&declared.child, self.catalog)
                .and_then(|child| Ok((child, find_reference(&declared.parent, self.catalog)?)));
            let (children, parents) = match ends {
                Ok(ends) => ends,
                Err(error) => {
                    self.errors.push(error.at(&declared.line));
                    continue;
                }
            };
            let is_masked =
                |id: &&ColumnId| self.actions.get(id).is_some_and(|action| action.function != KEEP);
            let masked: Vec<String> = parents
                .iter()
                .filter(is_masked)
                .map(|id| {
                    format!(
                        "`{}` is masked, and what refers to it within `{}` does not follow it",
                        id.display(self.catalog),
                        children[0].display(self.catalog)
                    )
                })
                .collect();
            self.notes.extend(masked);
        }
    }

    fn finish(mut self) -> Result<Binding, Vec<Error>> {
        self.references_within_values();
        let mut tables = HashMap::new();
        let mut missing: BTreeMap<TableId, BTreeSet<ColumnId>> = BTreeMap::new();
        for &table in &self.with_data {
            let ids = (0..self.catalog.table(table).columns.len()).map(|column| ColumnId { table, column });
            let (decided, undecided): (Vec<_>, Vec<_>) = ids.partition(|id| self.actions.contains_key(id));
            let actions: Vec<_> = decided.iter().filter_map(|id| self.actions.remove(id)).collect();
            self.errors.extend(self.endless_wait(table, &actions));
            tables.insert(table, actions);
            for id in undecided.into_iter().filter(|id| !self.refused.contains(id)) {
                // A rule for a partitioned table is one for its partitions: it is missed once.
                let root = partition_roots(self.catalog, id).last().unwrap_or(id);
                missing.entry(root.table).or_default().insert(root);
            }
        }
        let unmet = pack::demand::unmet(&self.rules.packs, self.catalog, self.resolved, &tables);
        self.errors.extend(unmet);
        let missing = missing.iter().flat_map(|(table, columns)| self.without_rule(*table, columns));
        let errors: Vec<Error> = self.errors.iter().cloned().chain(missing).collect();
        match errors.is_empty() {
            true => {
                let rules_sha256 = self.rules.sha256(&self.lists);
                let large_objects = self.rules.large_objects;
                Ok(Binding { tables, large_objects, rules_sha256, notes: self.notes })
            }
            false => Err(errors),
        }
    }

    /// The error of columns whose masks ask for each other's masked values.
    fn endless_wait(&self, table: TableId, actions: &[ColumnAction]) -> Option<Error> {
        let column = waiting(actions);
        let display =
            |column: &usize| format!("`{}`", ColumnId { table, column: *column }.display(self.catalog));
        let names: Vec<String> = column.iter().map(display).collect();
        (!names.is_empty()).then(|| {
            let what = format!("the masks of {} wait for each other's results", names.join(", "));
            Error::rules(what).at(self.place(table)).hint("let one of them ask for no other column")
        })
    }

    fn without_rule(&self, table: TableId, missing: &BTreeSet<ColumnId>) -> Vec<Error> {
        let hint = "name a masking function, or write `keep` if it holds no personal data";
        if missing.len() <= GROUP_MISSING_ABOVE {
            let what = missing.iter().map(|id| format!("column `{}` has no rule", id.display(self.catalog)));
            return what.map(|what| Error::rules(what).at(self.place(table)).hint(hint)).collect();
        }
        let table_name = &self.catalog.table(table).name;
        let columns = &self.catalog.table(table).columns;
        let names: Vec<String> =
            missing.iter().map(|id| format!("`{}`", quoted(&columns[id.column].name))).collect();
        let what = format!("{} columns of `{table_name}` have no rule: {}", names.len(), names.join(", "));
        vec![Error::rules(what).at(self.place(table)).hint(hint)]
    }

    /// Where the rules of a table are, or would be.
    fn place(&self, table: TableId) -> String {
        let name = &self.catalog.table(table).name;
        match (self.resolved.table_line(table), self.rules.files.last()) {
            (Some(line), _) => format!("{line}, table `{name}`"),
            (None, Some(file)) => format!("{file}, table `{name}`"),
            (None, None) => format!("no rules file, table `{name}`"),
        }
    }

    fn is_generated(&self, id: ColumnId) -> bool {
        self.catalog.table(id.table).columns[id.column].generated.is_some()
    }

    fn fitting(&self, id: ColumnId) -> Fitting<'a> {
        Fitting { catalog: self.catalog, functions: self.functions, id }
    }
}
