mod building;
mod codes;
mod fixtures;
mod searching;
