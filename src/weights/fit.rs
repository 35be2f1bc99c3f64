//! Where in a file a network lies: under which naming, behind which prefix.
//!
//! A checkpoint may hold several networks, or one under any keys and wrappers. The network's own names
//! find it: each name in the file that ends with a wanted one speaks for what stands before. The
//! prefix for which most tensors fit is taken; of equals the one of least [`rank`].

use std::cmp::Reverse;
use std::collections::HashMap;

use super::file::{Names, View, WeightsFile};
use super::part::rank;
use super::wanted::{Wanted, learns_nothing, namings, under, wanted};
use crate::network::{Network, Operation};

/// Where a network lies in a file.
#[derive(Clone, Debug)]
pub struct Fit {
    pub(super) names: Names,
    pub(super) naming: usize,
    /// Tensors of the network that the file has there, with their shapes.
    pub fits: usize,
    /// How many the network wants.
    pub wanted: usize,
    /// What stands before their names: keys and wrappers.
    pub prefix: String,
    /// What else would fit as well.
    pub others: Vec<String>,
}

/// How well a prefix does.
#[derive(Clone, Copy, Default)]
struct Count {
    fits: usize,
    held: usize,
}

impl Fit {
    /// Where `network` lies in `file`, as well as it does.
    #[must_use]
    pub fn of(network: &Network, file: &WeightsFile) -> Self {
        let mut best = Self::by_prefix(network, file);
        let wanted: usize = of_all(network, 0).len();
        // A handful of names like `conv1.weight` many networks have.
        if 2 * best.fits < wanted {
            let others = [by_children(network, file), by_order(network, file)];
            let better = others.into_iter().flatten().max_by_key(|fit| fit.fits);
            if let Some(fit) = better.filter(|fit| fit.fits > best.fits) {
                best = fit;
            }
        }
        best
    }

    /// The file by the network's names.
    #[must_use]
    pub fn view<'a>(&self, file: &'a WeightsFile) -> View<'a> {
        file.view(self.names.clone())
    }

    /// What a tensor of the network is called in the file.
    pub(super) fn whole(&self, name: &str) -> Option<String> {
        match &self.names {
            Names::Behind(prefix) => Some(format!("{prefix}{name}")),
            Names::Listed(names) => names.get(name).cloned(),
        }
    }

    /// What is lacking, and what has another shape; not counting the classifier where all of it is
    /// lacking.
    #[must_use]
    pub fn lacks(&self, network: &Network, file: &WeightsFile) -> Vec<String> {
        let view = self.view(file);
        let is_held = |it: &&Wanted| match view.shape(&it.name) {
            Some(shape) => it.is_fit_by(shape),
            None => it
                .name
                .rsplit_once('.')
                .is_some_and(|(norm, _)| learns_nothing(norm, &view)),
        };
        let mut lacking = Vec::new();
        for alternatives in wanted(network, self.naming) {
            let lacks = |of: &Vec<Wanted>| -> Vec<String> {
                let lacking = of.iter().filter(|it| !is_held(it));
                let held = |it: &&Wanted| !it.is_last || view.shape(&it.name).is_some();
                lacking.filter(held).map(|it| it.name.clone()).collect()
            };
            let least = alternatives.iter().map(lacks).min_by_key(Vec::len);
            lacking.extend(least.unwrap_or_default());
        }
        lacking
    }

    /// How many classes the network in the file tells apart; none where the classifier was left away.
    #[must_use]
    pub fn classes(&self, network: &Network, file: &WeightsFile) -> Option<usize> {
        let Operation::Convolution(classifier) = &network.steps().last()?.operation else {
            return None;
        };
        let names = under(classifier, self.naming);
        let view = self.view(file);
        let shape = view.shape(&format!("{}.weight", names.convolution))?;
        shape.first().copied().filter(|classes| *classes > 0)
    }

    /// What to say where another network in the file would have fit as well.
    #[must_use]
    pub fn choice(&self) -> Option<String> {
        let name = |prefix: &str| match prefix.trim_end_matches('.') {
            "" => "what has no key".to_owned(),
            prefix => format!("`{prefix}`"),
        };
        let others: Vec<String> = self.others.iter().map(|other| name(other)).collect();
        let (taken, others) = (name(&self.prefix), others.join(", "));
        (!others.is_empty()).then(|| format!("took {taken}, where {others} would fit as well"))
    }

    fn by_prefix(network: &Network, file: &WeightsFile) -> Self {
        let mut found: Vec<(Count, usize, String)> = Vec::new();
        for naming in 0..namings(network) {
            let counted = count(&of_all(network, naming), file).into_iter();
            found.extend(counted.map(|(prefix, count)| (count, naming, prefix.to_owned())));
        }
        found.sort_by_key(|(count, naming, prefix)| {
            let order = (rank(prefix), *naming, prefix.len(), prefix.clone());
            (Reverse((count.fits, count.held)), order)
        });
        let (count, naming, prefix) = match found.first() {
            Some(first) => first.clone(),
            None => (Count::default(), 0, file.base().to_owned()),
        };
        let is_equal = |(other, other_naming, _): &&(Count, usize, String)| {
            other.fits == count.fits && *other_naming == naming && count.fits > 0
        };
        let others = found.iter().skip(1).filter(is_equal);
        Self {
            others: others
                .take(8)
                .map(|(_, _, prefix)| prefix.clone())
                .collect(),
            names: Names::Behind(prefix.clone()),
            wanted: least(network, naming),
            fits: count.fits,
            naming,
            prefix,
        }
    }
}

/// All tensors that may be wanted.
fn of_all(network: &Network, naming: usize) -> Vec<Wanted> {
    wanted(network, naming)
        .into_iter()
        .flatten()
        .flatten()
        .collect()
}

/// How many a network wants, of the fewest that it may be given.
fn least(network: &Network, naming: usize) -> usize {
    let steps = wanted(network, naming).into_iter();
    steps
        .filter_map(|step| step.iter().map(Vec::len).min())
        .sum()
}

/// For everything that stands before wanted names how many there are behind it.
fn count<'a>(wanted: &[Wanted], file: &'a WeightsFile) -> HashMap<&'a str, Count> {
    let by_name: HashMap<&str, &Wanted> = wanted.iter().map(|it| (it.name.as_str(), it)).collect();
    let parts = |name: &str| name.split('.').count();
    let most = wanted.iter().map(|it| parts(&it.name)).max().unwrap_or(0);
    let mut counts: HashMap<&str, Count> = HashMap::new();
    for (name, shape) in file.all() {
        let starts = name.rmatch_indices('.').map(|(at, _)| at + 1).chain([0]);
        for start in starts.take(most) {
            if let Some(it) = by_name.get(&name[start..]) {
                let count = counts.entry(&name[..start]).or_default();
                count.held += 1;
                count.fits += usize::from(it.is_fit_by(shape));
            }
        }
    }
    counts
}

/// `nn.Sequential` of a network's children: their numbers, in place of their names.
fn by_children(network: &Network, file: &WeightsFile) -> Option<Fit> {
    let all = of_all(network, 0);
    let mut children: Vec<&str> = Vec::new();
    for it in &all {
        let child = it.name.split('.').next().unwrap_or_default();
        if children.last() != Some(&child) && !children.contains(&child) {
            children.push(child);
        }
    }
    let mut numbered: HashMap<&str, Vec<usize>> = HashMap::new();
    for (name, _) in file.all() {
        let mut start = 0;
        for part in name.split('.') {
            if let Ok(number) = part.parse() {
                numbered.entry(&name[..start]).or_default().push(number);
                break;
            }
            start += part.len() + 1;
        }
    }
    let fits = numbered.into_iter().map(|(prefix, mut numbers)| {
        numbers.sort_unstable();
        numbers.dedup();
        let of_child: HashMap<&str, usize> = children.iter().copied().zip(numbers).collect();
        let renamed = all.iter().filter_map(|it| {
            let (child, rest) = it.name.split_once('.')?;
            let number = of_child.get(child)?;
            Some((it, format!("{prefix}{number}.{rest}")))
        });
        listed(network, renamed, file, prefix)
    });
    fits.max_by_key(|fit| (fit.fits, Reverse(rank(&fit.prefix))))
}

/// Tensors without names, in the order in which torch lists those of the network.
fn by_order(network: &Network, file: &WeightsFile) -> Option<Fit> {
    let mut lists: HashMap<&str, Vec<(usize, &str)>> = HashMap::new();
    // Beside the network's there are counters, which are single numbers.
    for (name, _) in file.all().filter(|(_, shape)| !shape.is_empty()) {
        let (prefix, number) = name
            .rsplit_once('.')
            .map_or(("", name), |(prefix, number)| {
                (&name[..=prefix.len()], number)
            });
        if let Ok(number) = number.parse() {
            lists.entry(prefix).or_default().push((number, name));
        }
    }
    let order = in_order(network);
    let whole = |list: &[(usize, &str)]| {
        let mut pairs = order.iter().zip(list);
        let same = |(it, (_, name)): (&Wanted, &(usize, &str))| {
            file.shape_of(name).is_some_and(|shape| it.is_fit_by(shape))
        };
        let without_last = order.iter().filter(|it| !it.is_last).count();
        // More than that is of layers that were cut away.
        list.len() >= without_last.max(1) && pairs.all(same)
    };
    let fits = lists.into_iter().filter_map(|(prefix, mut list)| {
        list.sort_unstable();
        let names = || list.iter().map(|(_, name)| (*name).to_owned());
        whole(&list).then(|| listed(network, order.iter().zip(names()), file, prefix))
    });
    fits.min_by_key(|fit| rank(&fit.prefix))
}

/// The tensors in torch's order: by step, but for what leads around a block, which is registered
/// behind it.
fn in_order(network: &Network) -> Vec<Wanted> {
    let first = wanted(network, 0).into_iter();
    // What was trained as a sum lies in its branches.
    let steps = first.filter_map(|mut step| step.pop());
    let mut all: Vec<Wanted> = Vec::new();
    let mut around: Vec<Wanted> = Vec::new();
    for it in steps.flatten() {
        let block = |of: &Wanted| of.name.split(".downsample.").next().map(str::to_owned);
        if it.name.contains(".downsample.") {
            around.push(it);
            continue;
        }
        if let Some(block) = around.first().and_then(block)
            && !it.name.starts_with(&format!("{block}."))
        {
            all.append(&mut around);
        }
        all.push(it);
    }
    all.append(&mut around);
    all
}

/// A fit of tensors each of which is called something.
fn listed<'a>(
    network: &Network,
    names: impl Iterator<Item = (&'a Wanted, String)>,
    file: &WeightsFile,
    prefix: &str,
) -> Fit {
    let mut fits = 0;
    let held = names.filter_map(|(it, name)| {
        let shape = file.shape_of(&name)?;
        fits += usize::from(it.is_fit_by(shape));
        Some((it.name.clone(), name))
    });
    let names: HashMap<String, String> = held.collect();
    Fit {
        names: names.into(),
        naming: 0,
        fits,
        wanted: least(network, 0),
        prefix: prefix.to_owned(),
        others: Vec::new(),
    }
}
