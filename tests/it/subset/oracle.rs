//! The definition of a subset, carried out word for word: slow, and with nothing of the engine in it.

use std::collections::HashMap;

use pgmask::schema::PgType;
use pgmask::subset::spec::{Down, EdgeSpec, Extract, Rows, Up};

use super::database::{Database, Fate, Row, key};

/// A set of rows of every table.
type Sets = Vec<Vec<bool>>;

struct Oracle<'a> {
    database: &'a Database,
    /// For each edge and row of its child, the parents; `None` where the reference is NULL, none where it dangles.
    parents: Vec<Vec<Option<Vec<usize>>>>,
    /// For each edge and row of its child, whether a reference leads nowhere.
    dangles: Vec<Vec<bool>>,
    /// The u of each row.
    u: Vec<Vec<u64>>,
    /// For each edge, the links within its cap.
    within: Vec<Vec<Vec<bool>>>,
}

/// The fate of each row.
pub fn fates(database: &Database) -> Vec<Vec<Fate>> {
    let oracle = Oracle::new(database);
    let owned = oracle.owned();
    let closed = oracle.closed(&owned);
    let kept = oracle.kept(closed);
    let fate = |table: usize, row: usize| {
        let is_nulled = |&edge: &usize| {
            let spec = &database.spec.edges[edge];
            let is_lost = |&parent: &usize| !kept[spec.parent][parent];
            kept[table][row]
                && spec.child == table
                && spec.up == Up::Null
                && oracle.parents[edge][row].iter().flatten().any(is_lost)
        };
        let nulled = (0..database.spec.edges.len()).filter(is_nulled).collect();
        Fate { kept: kept[table][row], owned: owned[table][row], nulled }
    };
    let tables = database.rows.iter().enumerate();
    tables.map(|(table, rows)| (0..rows.len()).map(|row| fate(table, row)).collect()).collect()
}

/// Each reference that leads somewhere: the edge, the child and the parent.
pub fn references(database: &Database) -> Vec<(usize, usize, usize)> {
    let edges = database.spec.edges.iter().enumerate();
    edges
        .flat_map(|(edge, spec)| {
            let children = database.rows[spec.child].iter().enumerate();
            children.flat_map(move |(child, row)| {
                let parents = parents(database, spec, row).unwrap_or_default();
                parents.into_iter().map(move |parent| (edge, child, parent))
            })
        })
        .collect()
}

impl<'a> Oracle<'a> {
    fn new(database: &'a Database) -> Self {
        let spec = &database.spec;
        let parents: Vec<Vec<_>> = spec
            .edges
            .iter()
            .map(|edge| database.rows[edge.child].iter().map(|row| parents(database, edge, row)).collect())
            .collect();
        let dangles = spec
            .edges
            .iter()
            .map(|edge| database.rows[edge.child].iter().map(|row| dangles(database, edge, row)).collect())
            .collect();
        let u: Vec<Vec<u64>> = (0..spec.tables.len()).map(|table| us(database, table)).collect();
        let within = spec
            .edges
            .iter()
            .zip(&parents)
            .map(|(edge, parents)| links_within_cap(edge, parents, &u[edge.child]))
            .collect();
        Oracle { database, parents, dangles, u, within }
    }

    fn anchors(&self) -> Sets {
        let tables = self.database.spec.tables.iter().enumerate();
        tables
            .map(|(index, table)| {
                let (rows, u) = (&self.database.rows[index], &self.u[index]);
                let mut sorted = u.clone();
                sorted.sort_unstable();
                let is_anchor = |row: usize| {
                    let by_rows = match &table.rows {
                        Rows::Unsaid | Rows::None => false,
                        Rows::All => true,
                        Rows::Percent(share) => share.takes(u[row]),
                        Rows::Count(0) => false,
                        Rows::Count(count) => {
                            sorted.get(*count as usize - 1).is_none_or(|&last| u[row] <= last)
                        }
                        // The one condition that the random databases have.
                        Rows::Where(_) => rows[row][0].as_ref().is_some_and(|value| value.len() % 2 == 1),
                    };
                    let owners = self.database.spec.edges.iter().enumerate();
                    let is_tied = owners
                        .filter(|(_, edge)| edge.child == index && edge.down != Down::None)
                        .any(|(edge, _)| {
                            self.parents[edge][row].as_ref().is_some_and(|parents| !parents.is_empty())
                        });
                    let by_share = !is_tied && table.unowned.is_some_and(|share| share.takes(u[row]));
                    let is_included = table.include.iter().any(|key| {
                        table.key.iter().zip(key).all(|(&column, value)| {
                            let ty = &table.columns[column];
                            let value = std::str::from_utf8(value).unwrap();
                            rows[row][column].as_ref().is_some_and(|own| form(ty, own) == form(ty, value))
                        })
                    });
                    by_rows || by_share || is_included
                };
                (0..rows.len()).map(is_anchor).collect()
            })
            .collect()
    }

    fn owned(&self) -> Sets {
        let mut set = self.anchors();
        while self.grow(&mut set, |set, table, row| {
            let edges = || {
                let edges = self.database.spec.edges.iter().enumerate();
                edges.filter(move |(_, edge)| edge.child == table)
            };
            let leads = |edge: usize, spec: &EdgeSpec| {
                let parents = self.parents[edge][row].as_ref()?;
                let links = parents.iter().zip(&self.within[edge][row]);
                Some(links.map(|(&parent, &within)| within && set[spec.parent][parent]).collect::<Vec<_>>())
            };
            let any = edges()
                .filter(|(_, spec)| matches!(spec.down, Down::Owner | Down::Any))
                .any(|(edge, spec)| leads(edge, spec).is_some_and(|leads| leads.contains(&true)));
            let all: Vec<Vec<bool>> = edges()
                .filter(|(_, spec)| spec.down == Down::All)
                .filter_map(|(edge, spec)| {
                    let leads = leads(edge, spec)?;
                    Some(if self.dangles[edge][row] { vec![false] } else { leads })
                })
                .collect();
            any || (!all.is_empty() && all.iter().all(|leads| !leads.contains(&false)))
        }) {}
        set
    }

    fn closed(&self, owned: &Sets) -> Sets {
        let mut set = owned.clone();
        for (table, spec) in set.iter_mut().zip(&self.database.spec.tables) {
            table.iter_mut().for_each(|row| *row |= spec.whole);
        }
        while self.grow(&mut set, |set, table, row| {
            let edges = self.database.spec.edges.iter().enumerate();
            edges.filter(|(_, edge)| edge.parent == table && edge.up == Up::Require).any(|(edge, spec)| {
                let children = self.parents[edge].iter().enumerate();
                children
                    .filter(|&(child, _)| set[spec.child][child])
                    .any(|(_, parents)| parents.as_ref().is_some_and(|parents| parents.contains(&row)))
            })
        }) {}
        set
    }

    fn kept(&self, mut set: Sets) -> Sets {
        for (table, spec) in set.iter_mut().zip(&self.database.spec.tables) {
            if matches!(spec.rows, Rows::None) {
                table.fill(false);
            }
        }
        loop {
            let mut lost = Vec::new();
            for (edge, spec) in
                self.database.spec.edges.iter().enumerate().filter(|(_, edge)| edge.up != Up::Null)
            {
                for (child, parents) in self.parents[edge].iter().enumerate() {
                    let is_lost = |&parent: &usize| !set[spec.parent][parent];
                    if set[spec.child][child] && parents.iter().flatten().any(is_lost) {
                        lost.push((spec.child, child));
                    }
                }
            }
            if lost.is_empty() {
                return set;
            }
            lost.into_iter().for_each(|(table, row)| set[table][row] = false);
        }
    }

    /// Adds the rows that `enters` says; whether there were any.
    fn grow(&self, set: &mut Sets, enters: impl Fn(&Sets, usize, usize) -> bool) -> bool {
        let mut more = Vec::new();
        for (table, rows) in set.iter().enumerate() {
            more.extend(
                (0..rows.len()).filter(|&row| !rows[row] && enters(set, table, row)).map(|row| (table, row)),
            );
        }
        more.iter().for_each(|&(table, row)| set[table][row] = true);
        !more.is_empty()
    }
}

fn links_within_cap(edge: &EdgeSpec, parents: &[Option<Vec<usize>>], u: &[u64]) -> Vec<Vec<bool>> {
    let Some(cap) = edge.cap else {
        return parents.iter().map(|parents| vec![true; parents.as_ref().map_or(0, Vec::len)]).collect();
    };
    let mut siblings: HashMap<usize, Vec<u64>> = HashMap::new();
    for (child, parents) in parents.iter().enumerate() {
        parents.iter().flatten().for_each(|&parent| siblings.entry(parent).or_default().push(u[child]));
    }
    siblings.values_mut().for_each(|us| us.sort_unstable());
    let is_within = |child: usize, parent: usize| match cap {
        0 => false,
        cap => siblings[&parent].get(cap as usize - 1).is_none_or(|&last| u[child] <= last),
    };
    let children = parents.iter().enumerate();
    children
        .map(|(child, parents)| parents.iter().flatten().map(|&parent| is_within(child, parent)).collect())
        .collect()
}

/// The rows that a row refers to by an edge, each once; `None` where it refers to nothing.
fn parents(database: &Database, edge: &EdgeSpec, row: &Row) -> Option<Vec<usize>> {
    let references = values(edge, row);
    let refers = |parent: &Row| references.iter().any(|values| is_equal(database, edge, values, parent));
    let rows = database.rows[edge.parent].iter().enumerate();
    let parents = rows.filter(|(_, row)| refers(row)).map(|(row, _)| row).collect();
    (!references.is_empty()).then_some(parents)
}

fn dangles(database: &Database, edge: &EdgeSpec, row: &Row) -> bool {
    let leads = |values: &Vec<String>| {
        database.rows[edge.parent].iter().any(|parent| is_equal(database, edge, values, parent))
    };
    !values(edge, row).iter().all(leads)
}

/// The values by which a row refers, for each of its references.
fn values(edge: &EdgeSpec, row: &Row) -> Vec<Vec<String>> {
    if let Some(guard) = &edge.guard {
        let is_named = |named: &String| guard.values.iter().any(|value| value == named.as_bytes());
        if !row[guard.column].as_ref().is_some_and(is_named) {
            return Vec::new();
        }
    }
    let columns: Option<Vec<String>> = edge.columns.iter().map(|pair| row[pair.child].clone()).collect();
    let Some(columns) = columns else { return Vec::new() };
    // The arrays and documents of the random databases are of these forms.
    let list = match &edge.columns[0].extract {
        Extract::Value => return vec![columns],
        Extract::Elements => columns[0].trim_matches(['{', '}']),
        Extract::Json(_) => columns[0].trim_start_matches("{\"a\": [").trim_end_matches("]}"),
    };
    split(list).into_iter().map(|value| vec![value]).collect()
}

fn is_equal(database: &Database, edge: &EdgeSpec, values: &[String], parent: &Row) -> bool {
    let spec = &database.spec;
    edge.columns.iter().zip(values).all(|(pair, value)| {
        let ty = &spec.tables[edge.parent].columns[pair.parent];
        let is_padded = matches!(spec.tables[edge.child].columns[pair.child], PgType::Bpchar(_));
        let value = if is_padded { value.trim_end_matches(' ') } else { value };
        parent[pair.parent].as_ref().is_some_and(|own| form(ty, own) == form(ty, value))
    })
}

fn split(list: &str) -> Vec<String> {
    let items = list.split(',').map(|item| item.trim().trim_matches('"'));
    items.filter(|item| !item.is_empty() && !item.eq_ignore_ascii_case("null")).map(str::to_string).collect()
}

/// What is equal for the type has the same form.
fn form(ty: &PgType, value: &str) -> String {
    match ty {
        PgType::Int4 | PgType::Int8 | PgType::Numeric(_) | PgType::Float8 => {
            value.parse::<f64>().map_or(value.to_string(), |number| (number + 0.0).to_string())
        }
        PgType::Bpchar(_) => value.trim_end_matches(' ').to_string(),
        PgType::Citext => value.to_lowercase(),
        _ => value.to_string(),
    }
}

fn us(database: &Database, table: usize) -> Vec<u64> {
    let spec = &database.spec.tables[table];
    let prf = key().subset(&spec.entity);
    let first = |hash: &[u8; 32]| u64::from_be_bytes(hash[..8].try_into().unwrap());
    let mut seen: HashMap<Vec<u8>, u64> = HashMap::new();
    let u = |row: &Row| {
        let columns: Vec<usize> = match spec.key.is_empty() {
            true => (0..spec.columns.len()).collect(),
            false => spec.key.clone(),
        };
        let values = columns.iter().map(|&column| (&spec.columns[column], &row[column]));
        let mut input = Vec::new();
        for (ty, value) in values {
            let key_form = |value: &String| if spec.key.is_empty() { value.clone() } else { form(ty, value) };
            match value.as_ref().map(key_form) {
                Some(value) if spec.key.len() == 1 => input.extend_from_slice(value.as_bytes()),
                Some(value) => {
                    input.push(1);
                    input.extend_from_slice(&(value.len() as u64).to_le_bytes());
                    input.extend_from_slice(value.as_bytes());
                }
                None => input.push(0),
            }
        }
        let hash = prf.prf(&input);
        let before = seen.entry(input).or_default();
        *before += 1;
        if !spec.key.is_empty() || *before == 1 {
            return first(&hash);
        }
        let again = [&hash[..16], &(*before - 1).to_be_bytes()].concat();
        first(&prf.prf(&again))
    };
    database.rows[table].iter().map(u).collect()
}
