"""Data: pairs, data sets and the breathing phantom."""

from regtutor.data.dataset import CacheDataset as CacheDataset
from regtutor.data.dataset import DataLoader as DataLoader
from regtutor.data.dataset import Dataset as Dataset
from regtutor.data.dataset import collate as collate
from regtutor.data.pairs import find_pairs as find_pairs
from regtutor.data.pairs import split_pairs as split_pairs
