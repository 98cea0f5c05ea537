//! Paths as one deterministic automaton: the state of a node says which paths select it, and the state of each child.

use std::collections::HashMap;

use super::filter::Filter;
use super::path::{Path, Selector, Step};

/// Paths made into an automaton.
pub struct Automaton {
    states: Vec<State>,
    filters: Vec<Filter>,
    start: StateId,
    /// Whether the lengths of arrays decide what is selected.
    pub needs_lengths: bool,
}

/// The state of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateId(u32);

/// The paths are too many, or too much alike, to be followed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// The most states of an automaton.
const MAX_STATES: usize = 4096;

/// The most different slices, indexes and filters that a state decides between.
const MAX_CHOICES: usize = 8;

struct State {
    /// The paths that select the node.
    selected: Vec<usize>,
    /// The names that lead to states of their own, sorted.
    names: Vec<String>,
    /// The indexes and slices that do.
    steps: Vec<Step>,
    /// The filters that do, by their places.
    filters: Vec<usize>,
    /// By name, the last for all others, and by which filters hold.
    members: Vec<StateId>,
    /// By which steps take the element and which filters hold.
    elements: Vec<StateId>,
}

/// How far each path has matched at a node: path and segment, sorted.
type Positions = Vec<(usize, usize)>;

/// What a child of a node is.
enum Child<'a> {
    /// A member of that name, or of none that a path names.
    Member(Option<&'a str>),
    /// An element that these steps take.
    Element(&'a [Step]),
}

impl Automaton {
    /// The automaton of `paths`.
    ///
    /// # Errors
    /// It would be too large.
    pub fn new(paths: &[Path]) -> Result<Self, TooMany> {
        let mut builder = Builder { paths, ids: HashMap::new(), open: Vec::new(), filters: Vec::new() };
        let start = builder.id((0..paths.len()).map(|path| (path, 0)).collect())?;
        let mut states = Vec::new();
        while let Some(positions) = builder.open.get(states.len()).cloned() {
            states.push(builder.state(&positions)?);
        }
        let needs_lengths = states.iter().flat_map(|state| &state.steps).any(|step| step.needs_length());
        Ok(Automaton { states, filters: builder.filters, start, needs_lengths })
    }

    /// The state of the root.
    pub fn start(&self) -> StateId {
        self.start
    }

    /// The paths that select a node in `state`.
    pub fn selected(&self, state: StateId) -> &[usize] {
        &self.state(state).selected
    }

    /// The paths that select a node in each of the states.
    pub fn selections(&self) -> impl Iterator<Item = &[usize]> {
        self.states.iter().map(|state| &state.selected[..])
    }

    /// The state of the member `name` of an object in `state`; its value starts at the byte `at` of `text`.
    #[inline]
    pub fn member(&self, state: StateId, name: &str, text: &str, at: usize) -> StateId {
        let state = self.state(state);
        let place = match &state.names[..] {
            names @ [_, _, _, _, _, ..] => names.binary_search_by(|other| other.as_str().cmp(name)).ok(),
            names => names.iter().position(|other| other == name),
        };
        let place = place.unwrap_or(state.names.len());
        state.members[place << state.filters.len() | self.held(state, text, at)]
    }

    /// The state of the element at `index` of an array in `state`, of which `len` is the length where that decides.
    #[inline]
    pub fn element(&self, state: StateId, index: i64, len: i64, text: &str, at: usize) -> StateId {
        let state = self.state(state);
        let steps =
            state.steps.iter().rev().fold(0, |mask, step| mask << 1 | usize::from(step.takes(index, len)));
        state.elements[steps << state.filters.len() | self.held(state, text, at)]
    }

    fn state(&self, id: StateId) -> &State {
        &self.states[id.0 as usize]
    }

    /// Which of the state's filters hold, a bit each.
    #[inline]
    fn held(&self, state: &State, text: &str, at: usize) -> usize {
        let holds = |&filter: &usize| usize::from(self.filters[filter].holds(text, at));
        state.filters.iter().rev().fold(0, |mask, filter| mask << 1 | holds(filter))
    }
}

struct Builder<'a> {
    paths: &'a [Path],
    ids: HashMap<Positions, StateId>,
    /// The positions of each state, in the order of their ids.
    open: Vec<Positions>,
    filters: Vec<Filter>,
}

impl Builder<'_> {
    fn id(&mut self, mut positions: Positions) -> Result<StateId, TooMany> {
        positions.sort_unstable();
        positions.dedup();
        if let Some(id) = self.ids.get(&positions) {
            return Ok(*id);
        }
        if self.open.len() == MAX_STATES {
            return Err(TooMany);
        }
        let id = StateId(self.open.len() as u32);
        self.open.push(positions.clone());
        self.ids.insert(positions, id);
        Ok(id)
    }

    fn state(&mut self, positions: &Positions) -> Result<State, TooMany> {
        let (mut names, mut steps, mut filters) = (Vec::new(), Vec::new(), Vec::new());
        for selector in
            positions.iter().flat_map(|position| self.selectors(*position)).cloned().collect::<Vec<_>>()
        {
            match selector {
                Selector::Name(name) => names.push(name),
                Selector::Step(step) if !steps.contains(&step) => steps.push(step),
                Selector::Filter(filter) => {
                    let filter = self.filter(&filter);
                    if !filters.contains(&filter) {
                        filters.push(filter);
                    }
                }
                Selector::Step(_) | Selector::Wildcard => {}
            }
        }
        names.sort_unstable();
        names.dedup();
        if steps.len() + filters.len() > MAX_CHOICES {
            return Err(TooMany);
        }
        let chosen_filters = |mask: usize| -> Vec<usize> {
            filters.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, id)| *id).collect()
        };
        let (mut members, mut elements) = (Vec::new(), Vec::new());
        for name in names.iter().map(|name| Some(name.as_str())).chain([None]) {
            for mask in 0..1 << filters.len() {
                members.push(self.child(positions, &Child::Member(name), &chosen_filters(mask))?);
            }
        }
        for taken in 0..1usize << steps.len() {
            let of_mask = |(bit, step): (usize, &Step)| (taken >> bit & 1 == 1).then_some(*step);
            let taken: Vec<Step> = steps.iter().enumerate().filter_map(of_mask).collect();
            // No element is at two places, so that needs no state.
            let is_place = |step: &&Step| matches!(step, Step::Index(0..));
            let positions =
                if taken.iter().filter(is_place).count() > 1 { &Positions::new() } else { positions };
            for mask in 0..1 << filters.len() {
                elements.push(self.child(positions, &Child::Element(&taken), &chosen_filters(mask))?);
            }
        }
        let is_end = |&&(path, segment): &&(usize, usize)| segment == self.paths[path].segments.len();
        let selected = positions.iter().filter(is_end).map(|(path, _)| *path).collect();
        Ok(State { selected, names, steps, filters, members, elements })
    }

    fn selectors(&self, (path, segment): (usize, usize)) -> &[Selector] {
        self.paths[path].segments.get(segment).map_or(&[], |segment| &segment.selectors)
    }

    fn filter(&mut self, filter: &Filter) -> usize {
        self.filters.iter().position(|other| other == filter).unwrap_or_else(|| {
            self.filters.push(filter.clone());
            self.filters.len() - 1
        })
    }

    /// The state of a child for which `filters` hold.
    fn child(
        &mut self,
        positions: &Positions,
        child: &Child<'_>,
        filters: &[usize],
    ) -> Result<StateId, TooMany> {
        let mut next = Vec::new();
        for &(path, at) in positions {
            let Some(segment) = self.paths[path].segments.get(at) else { continue };
            let selects = |selector: &Selector| match (selector, child) {
                (Selector::Wildcard, _) => true,
                (Selector::Name(name), Child::Member(Some(member))) => name == member,
                (Selector::Step(step), Child::Element(taken)) => taken.contains(step),
                (Selector::Filter(filter), _) => filters.iter().any(|&id| self.filters[id] == *filter),
                (Selector::Name(_) | Selector::Step(_), _) => false,
            };
            if segment.selectors.iter().any(selects) {
                next.push((path, at + 1));
            }
            if segment.descendant {
                next.push((path, at));
            }
        }
        self.id(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn automaton(paths: &[&str]) -> Result<Automaton, TooMany> {
        let paths: Vec<Path> = paths.iter().map(|path| Path::parse(path).unwrap()).collect();
        Automaton::new(&paths)
    }

    #[test]
    fn paths_are_followed_at_once() {
        let automaton = automaton(&["$.a.b", "$..b", "$.*[1]", "$.*[-1]"]).unwrap();
        assert!(automaton.needs_lengths);
        let a = automaton.member(automaton.start(), "a", "", 0);
        assert!(automaton.selected(a).is_empty());
        assert_eq!(automaton.selected(automaton.member(a, "b", "", 0)), [0, 1]);
        let c = automaton.member(a, "c", "", 0);
        assert_eq!(automaton.selected(automaton.member(c, "b", "", 0)), [1]);
        assert_eq!(automaton.selected(automaton.element(a, 1, 2, "", 0)), [2, 3]);
        assert!(automaton.selected(automaton.element(a, 0, 2, "", 0)).is_empty());
    }

    #[test]
    fn an_automaton_has_a_bound() {
        let path = format!("$..a{}", ".*".repeat(14));
        assert_eq!(automaton(&[&path]).err(), Some(TooMany));
        let indexes: Vec<String> = (0..9).map(|index| format!("$[{index}]")).collect();
        let indexes: Vec<&str> = indexes.iter().map(String::as_str).collect();
        assert_eq!(automaton(&indexes).err(), Some(TooMany));
    }
}
