from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PluginData(_message.Message):
    __slots__ = ("format_version", "kind", "path")
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    format_version: int
    kind: str
    path: str
    def __init__(self, format_version: _Optional[int] = ..., kind: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class Axis(_message.Message):
    __slots__ = ("name", "size", "stored", "pooling")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    POOLING_FIELD_NUMBER: _ClassVar[int]
    name: str
    size: int
    stored: int
    pooling: int
    def __init__(self, name: _Optional[str] = ..., size: _Optional[int] = ..., stored: _Optional[int] = ..., pooling: _Optional[int] = ...) -> None: ...

class TensorHeader(_message.Message):
    __slots__ = ("format_version", "kind", "path", "dtype", "axes", "channel_axes", "height_axis", "width_axis", "blobs", "channels", "height", "width", "precision", "low", "high", "crc32", "wall_time", "step", "epoch", "pooling_method", "note", "explanation")
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_AXES_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_AXIS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_AXIS_FIELD_NUMBER: _ClassVar[int]
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    CRC32_FIELD_NUMBER: _ClassVar[int]
    WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    POOLING_METHOD_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    format_version: int
    kind: str
    path: str
    dtype: str
    axes: _containers.RepeatedCompositeFieldContainer[Axis]
    channel_axes: _containers.RepeatedScalarFieldContainer[str]
    height_axis: str
    width_axis: str
    blobs: int
    channels: int
    height: int
    width: int
    precision: str
    low: _containers.RepeatedScalarFieldContainer[float]
    high: _containers.RepeatedScalarFieldContainer[float]
    crc32: _containers.RepeatedScalarFieldContainer[int]
    wall_time: float
    step: int
    epoch: int
    pooling_method: str
    note: str
    explanation: Explanation
    def __init__(self, format_version: _Optional[int] = ..., kind: _Optional[str] = ..., path: _Optional[str] = ..., dtype: _Optional[str] = ..., axes: _Optional[_Iterable[_Union[Axis, _Mapping]]] = ..., channel_axes: _Optional[_Iterable[str]] = ..., height_axis: _Optional[str] = ..., width_axis: _Optional[str] = ..., blobs: _Optional[int] = ..., channels: _Optional[int] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., precision: _Optional[str] = ..., low: _Optional[_Iterable[float]] = ..., high: _Optional[_Iterable[float]] = ..., crc32: _Optional[_Iterable[int]] = ..., wall_time: _Optional[float] = ..., step: _Optional[int] = ..., epoch: _Optional[int] = ..., pooling_method: _Optional[str] = ..., note: _Optional[str] = ..., explanation: _Optional[_Union[Explanation, _Mapping]] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("method", "site", "input_path", "signed", "score_source", "target_rule", "targets", "scores", "completeness_errors")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    INPUT_PATH_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    SCORE_SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_RULE_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    COMPLETENESS_ERRORS_FIELD_NUMBER: _ClassVar[int]
    method: str
    site: str
    input_path: str
    signed: bool
    score_source: str
    target_rule: str
    targets: _containers.RepeatedScalarFieldContainer[int]
    scores: _containers.RepeatedScalarFieldContainer[float]
    completeness_errors: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, method: _Optional[str] = ..., site: _Optional[str] = ..., input_path: _Optional[str] = ..., signed: bool = ..., score_source: _Optional[str] = ..., target_rule: _Optional[str] = ..., targets: _Optional[_Iterable[int]] = ..., scores: _Optional[_Iterable[float]] = ..., completeness_errors: _Optional[_Iterable[float]] = ...) -> None: ...

class OutputSpec(_message.Message):
    __slots__ = ("shape", "dtype", "path")
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    shape: _containers.RepeatedScalarFieldContainer[int]
    dtype: str
    path: str
    def __init__(self, shape: _Optional[_Iterable[int]] = ..., dtype: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class Layer(_message.Message):
    __slots__ = ("path", "class_name", "parents", "outputs", "parameter_count", "trainable", "activation", "weights", "maps_recorded", "note")
    PATH_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_COUNT_FIELD_NUMBER: _ClassVar[int]
    TRAINABLE_FIELD_NUMBER: _ClassVar[int]
    ACTIVATION_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    MAPS_RECORDED_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    path: str
    class_name: str
    parents: _containers.RepeatedScalarFieldContainer[str]
    outputs: _containers.RepeatedCompositeFieldContainer[OutputSpec]
    parameter_count: int
    trainable: bool
    activation: str
    weights: _containers.RepeatedScalarFieldContainer[str]
    maps_recorded: bool
    note: str
    def __init__(self, path: _Optional[str] = ..., class_name: _Optional[str] = ..., parents: _Optional[_Iterable[str]] = ..., outputs: _Optional[_Iterable[_Union[OutputSpec, _Mapping]]] = ..., parameter_count: _Optional[int] = ..., trainable: bool = ..., activation: _Optional[str] = ..., weights: _Optional[_Iterable[str]] = ..., maps_recorded: bool = ..., note: _Optional[str] = ...) -> None: ...

class TableRow(_message.Message):
    __slots__ = ("kind", "path", "layer_path", "shape", "dtype", "histogram_stride")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LAYER_PATH_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_STRIDE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    path: str
    layer_path: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    dtype: str
    histogram_stride: int
    def __init__(self, kind: _Optional[str] = ..., path: _Optional[str] = ..., layer_path: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ..., dtype: _Optional[str] = ..., histogram_stride: _Optional[int] = ...) -> None: ...

class Probe(_message.Message):
    __slots__ = ("samples", "samples_recorded", "labels", "class_names", "input_paths", "output_paths", "tokens")
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_RECORDED_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAMES_FIELD_NUMBER: _ClassVar[int]
    INPUT_PATHS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_PATHS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    samples: int
    samples_recorded: int
    labels: _containers.RepeatedScalarFieldContainer[int]
    class_names: _containers.RepeatedScalarFieldContainer[str]
    input_paths: _containers.RepeatedScalarFieldContainer[str]
    output_paths: _containers.RepeatedScalarFieldContainer[str]
    tokens: _containers.RepeatedCompositeFieldContainer[Tokens]
    def __init__(self, samples: _Optional[int] = ..., samples_recorded: _Optional[int] = ..., labels: _Optional[_Iterable[int]] = ..., class_names: _Optional[_Iterable[str]] = ..., input_paths: _Optional[_Iterable[str]] = ..., output_paths: _Optional[_Iterable[str]] = ..., tokens: _Optional[_Iterable[_Union[Tokens, _Mapping]]] = ...) -> None: ...

class Tokens(_message.Message):
    __slots__ = ("tokens",)
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, tokens: _Optional[_Iterable[str]] = ...) -> None: ...

class Setting(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ModelDescription(_message.Message):
    __slots__ = ("format_version", "name", "class_name", "layers", "rows", "statistics", "record_values", "probe", "parameter_count", "epochs", "planned_bytes_per_record", "budget_bytes_per_record", "budget_bytes_per_run", "settings", "versions", "notes", "tables_source", "maps_source", "planned_records")
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    RECORD_VALUES_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_COUNT_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    PLANNED_BYTES_PER_RECORD_FIELD_NUMBER: _ClassVar[int]
    BUDGET_BYTES_PER_RECORD_FIELD_NUMBER: _ClassVar[int]
    BUDGET_BYTES_PER_RUN_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    TABLES_SOURCE_FIELD_NUMBER: _ClassVar[int]
    MAPS_SOURCE_FIELD_NUMBER: _ClassVar[int]
    PLANNED_RECORDS_FIELD_NUMBER: _ClassVar[int]
    format_version: int
    name: str
    class_name: str
    layers: _containers.RepeatedCompositeFieldContainer[Layer]
    rows: _containers.RepeatedCompositeFieldContainer[TableRow]
    statistics: _containers.RepeatedScalarFieldContainer[str]
    record_values: _containers.RepeatedScalarFieldContainer[str]
    probe: Probe
    parameter_count: int
    epochs: int
    planned_bytes_per_record: int
    budget_bytes_per_record: int
    budget_bytes_per_run: int
    settings: _containers.RepeatedCompositeFieldContainer[Setting]
    versions: _containers.RepeatedCompositeFieldContainer[Setting]
    notes: _containers.RepeatedScalarFieldContainer[str]
    tables_source: str
    maps_source: str
    planned_records: int
    def __init__(self, format_version: _Optional[int] = ..., name: _Optional[str] = ..., class_name: _Optional[str] = ..., layers: _Optional[_Iterable[_Union[Layer, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[TableRow, _Mapping]]] = ..., statistics: _Optional[_Iterable[str]] = ..., record_values: _Optional[_Iterable[str]] = ..., probe: _Optional[_Union[Probe, _Mapping]] = ..., parameter_count: _Optional[int] = ..., epochs: _Optional[int] = ..., planned_bytes_per_record: _Optional[int] = ..., budget_bytes_per_record: _Optional[int] = ..., budget_bytes_per_run: _Optional[int] = ..., settings: _Optional[_Iterable[_Union[Setting, _Mapping]]] = ..., versions: _Optional[_Iterable[_Union[Setting, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ..., tables_source: _Optional[str] = ..., maps_source: _Optional[str] = ..., planned_records: _Optional[int] = ...) -> None: ...
