//! Groups of columns that hold the same values and so must mask alike: keys with the columns that refer to them, and
//! the columns of a partitioned or inherited table with those of its partitions and children.

use std::collections::{BTreeMap, BTreeSet};

use super::resolve::ColumnId;
use crate::schema::{Catalog, TableId};

/// Columns that must mask alike; a column that nothing ties is a group of its own.
pub struct Group {
    /// The columns: those of partitioned tables before those of their partitions, else in the catalog's order.
    pub members: Vec<ColumnId>,
    /// The one that is referred to and refers to none: the key, or the root table's column.
    pub root: ColumnId,
    /// Whether a foreign key is among the ties, not partitions and inheritance alone.
    pub has_reference: bool,
}

/// What ties columns to one another.
pub struct Ties {
    /// For each column, those it refers to by a foreign key.
    references: Upward,
    /// For each column of a partition or an inheriting table, those of the tables directly above.
    inherited: Upward,
}

/// For each column, the columns directly above it.
type Upward = BTreeMap<ColumnId, BTreeSet<ColumnId>>;

impl Ties {
    /// The ties of `catalog`, and the references that rules declare besides: child, parent.
    pub fn new(catalog: &Catalog, declared: &[(ColumnId, ColumnId)]) -> Self {
        let mut ties = Ties { references: BTreeMap::new(), inherited: BTreeMap::new() };
        for foreign_key in &catalog.foreign_keys {
            // The ranges of a PERIOD contain one another, they are not equal.
            let equal = foreign_key.child_columns.len() - usize::from(foreign_key.period);
            let pairs = foreign_key.child_columns.iter().zip(&foreign_key.parent_columns);
            for (&child, &parent) in pairs.take(equal) {
                let child = ColumnId { table: foreign_key.child, column: child };
                let parent = ColumnId { table: foreign_key.parent, column: parent };
                ties.references.entry(child).or_default().insert(parent);
            }
        }
        for &(child, parent) in declared {
            ties.references.entry(child).or_default().insert(parent);
        }
        for (table, _) in catalog.iter() {
            for (child, above) in inherited_columns(catalog, table) {
                ties.inherited.entry(child).or_default().insert(above);
            }
        }
        ties
    }

    /// The columns above `id` by partitioning or inheritance, directly or not.
    pub fn all_inherited(&self, id: ColumnId) -> BTreeSet<ColumnId> {
        closure(id, &[&self.inherited])
    }

    /// Whether `id` refers to another column by a foreign key.
    pub fn refers(&self, id: ColumnId) -> bool {
        self.references.contains_key(&id)
    }

    /// All columns that hold every value of `id`: those it refers to or inherits from, directly or not.
    pub fn above(&self, id: ColumnId) -> BTreeSet<ColumnId> {
        closure(id, &[&self.references, &self.inherited])
    }

    /// Every column of `catalog`, in groups, in the order of their first columns.
    pub fn groups(&self, catalog: &Catalog) -> Vec<Group> {
        let all: Vec<ColumnId> = catalog
            .iter()
            .flat_map(|(table, t)| (0..t.columns.len()).map(move |column| ColumnId { table, column }))
            .collect();
        let index = |id: ColumnId| all.binary_search(&id).expect("a tie is between columns of the catalog");
        let mut sets = DisjointSets::new(all.len());
        for (child, parents) in self.references.iter().chain(&self.inherited) {
            parents.iter().for_each(|parent| sets.join(index(*child), index(*parent)));
        }
        let mut groups: BTreeMap<usize, Vec<ColumnId>> = BTreeMap::new();
        for (position, id) in all.iter().enumerate() {
            groups.entry(sets.first(position)).or_default().push(*id);
        }
        groups.into_values().map(|members| self.group(members, catalog)).collect()
    }

    fn group(&self, mut members: Vec<ColumnId>, catalog: &Catalog) -> Group {
        members.sort_by_cached_key(|id| partition_roots(catalog, *id).count());
        let rootness = |id: &&ColumnId| (self.references.contains_key(id), self.inherited.contains_key(id));
        let root = *members.iter().min_by_key(rootness).expect("a group has a member");
        let has_reference = members.iter().any(|id| self.refers(*id));
        Group { members, root, has_reference }
    }
}

/// The columns that `ties` lead to from `id`, without `id` unless they lead back to it.
fn closure(id: ColumnId, ties: &[&Upward]) -> BTreeSet<ColumnId> {
    let mut found = BTreeSet::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        let direct = ties.iter().filter_map(|ties| ties.get(&id)).flatten();
        open.extend(direct.filter(|id| found.insert(**id)));
    }
    found
}

/// The column as the partitioned tables have it that its table is a partition of, from the nearest to the root.
pub fn partition_roots(catalog: &Catalog, id: ColumnId) -> impl Iterator<Item = ColumnId> {
    std::iter::successors(Some(id), |id| {
        let table = catalog.table(id.table);
        let above = table.partition_of?;
        let column = catalog.table(above).column_index(&table.columns[id.column].name)?;
        Some(ColumnId { table: above, column })
    })
    .skip(1)
    .take(catalog.tables.len())
}

/// The tables that `table` is a partition or an inheriting child of, directly.
fn tables_above(catalog: &Catalog, table: TableId) -> impl Iterator<Item = TableId> {
    let table = catalog.table(table);
    table.partition_of.into_iter().chain(table.inherits.iter().copied())
}

/// The columns of `table`, each with the one of a table directly above, by name: their order may differ.
pub fn inherited_columns(catalog: &Catalog, table: TableId) -> impl Iterator<Item = (ColumnId, ColumnId)> {
    tables_above(catalog, table).flat_map(move |above| {
        let columns = catalog.table(table).columns.iter().enumerate();
        columns.filter_map(move |(column, c)| {
            let column_above = catalog.table(above).column_index(&c.name)?;
            Some((ColumnId { table, column }, ColumnId { table: above, column: column_above }))
        })
    })
}

/// Union-find, with the least index as each set's name.
struct DisjointSets(Vec<usize>);

impl DisjointSets {
    fn new(len: usize) -> Self {
        DisjointSets((0..len).collect())
    }

    fn first(&mut self, mut index: usize) -> usize {
        while self.0[index] != index {
            self.0[index] = self.0[self.0[index]];
            index = self.0[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, ForeignKey, PgType, QualifiedName, Table};

    fn table(catalog: &mut Catalog, name: &str, columns: &[&str]) -> TableId {
        let columns = columns.iter().map(|name| Column::new(*name, PgType::Int8)).collect();
        let name = QualifiedName::new("public", name);
        catalog.add_table(Table { name, columns, ..Table::default() })
    }

    fn foreign_key(child: ColumnId, parent: ColumnId) -> ForeignKey {
        ForeignKey::new("fkey", (child.table, vec![child.column]), (parent.table, vec![parent.column]))
    }

    fn groups_of_several(catalog: &Catalog) -> Vec<Group> {
        let groups = Ties::new(catalog, &[]).groups(catalog);
        groups.into_iter().filter(|group| group.members.len() > 1).collect()
    }

    #[test]
    fn a_cycle_of_references_is_one_group() {
        let mut catalog = Catalog::default();
        let [a, b] = ["a", "b"].map(|name| ColumnId { table: table(&mut catalog, name, &["id"]), column: 0 });
        catalog.foreign_keys = vec![foreign_key(a, b), foreign_key(b, a)];
        assert_eq!(groups_of_several(&catalog)[0].members, [a, b]);
        assert_eq!(Ties::new(&catalog, &[]).above(a), BTreeSet::from([a, b]));
    }

    #[test]
    fn the_key_is_the_root_wherever_it_stands() {
        let mut catalog = Catalog::default();
        let [child, key] =
            ["a", "b"].map(|name| ColumnId { table: table(&mut catalog, name, &["id"]), column: 0 });
        catalog.foreign_keys = vec![foreign_key(child, key)];
        assert_eq!(groups_of_several(&catalog)[0].root, key);
    }

    #[test]
    fn a_period_is_not_tied() {
        let mut catalog = Catalog::default();
        let parent = table(&mut catalog, "a", &["id", "valid"]);
        let child = table(&mut catalog, "b", &["a_id", "valid"]);
        let first = |table| ColumnId { table, column: 0 };
        let columns = vec![0, 1];
        let key = foreign_key(first(child), first(parent));
        let key = ForeignKey { child_columns: columns.clone(), parent_columns: columns, period: true, ..key };
        catalog.foreign_keys = vec![key];
        let groups = groups_of_several(&catalog);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].members, [first(parent), first(child)]);
    }

    #[test]
    fn an_inheriting_table_is_tied_by_the_names_of_its_columns() {
        let mut catalog = Catalog::default();
        let parent = table(&mut catalog, "a", &["x", "y"]);
        let child = table(&mut catalog, "b", &["y", "z"]);
        catalog.table_mut(child).inherits = vec![parent];
        let groups = groups_of_several(&catalog);
        assert_eq!(groups.len(), 1);
        let tied = [ColumnId { table: parent, column: 1 }, ColumnId { table: child, column: 0 }];
        assert_eq!(groups[0].members, tied);
        assert!(!groups[0].has_reference);
    }
}
