"""The processor: reads the log, resolves who each event is about, and folds it into the directory."""

from contactfold_processor.processor import Processor

__all__ = ["Processor"]
