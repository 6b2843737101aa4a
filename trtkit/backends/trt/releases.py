"""Which releases of TensorRT have what only some of them have, for messages that say what to do instead.

Read off the bindings of nine releases (8.6, 10.0, 10.3, 10.8, 10.13, 10.16, 11.0, 11.4 and TensorRT-RTX 1.7), so a
first release is the first of these. What works here is never decided by this table: that is
`trtkit.backends.trt.api.has`.
"""

from __future__ import annotations

__all__ = ["WHERE", "members", "removal", "where"]

_RTX = "TensorRT-RTX 1.7"

_GROUPS = {
    "TensorRT 8.6": """
        BuilderFlag.ENABLE_TACTIC_HEURISTIC BuilderFlag.STRICT_TYPES
        PreviewFeature.DISABLE_EXTERNAL_TACTIC_SOURCES_FOR_CORE_0805 PreviewFeature.FASTER_DYNAMIC_SHAPES_0805
        EngineCapability.DEFAULT EngineCapability.SAFE_DLA EngineCapability.SAFE_GPU
        ProfilingVerbosity.DEFAULT ProfilingVerbosity.VERBOSE
        """,
    "TensorRT 8.6 to 10.16": """
        BuilderFlag.FP16 BuilderFlag.FP8 BuilderFlag.INT8 BuilderFlag.OBEY_PRECISION_CONSTRAINTS
        BuilderFlag.PREFER_PRECISION_CONSTRAINTS BuilderFlag.REJECT_EMPTY_ALGORITHMS
        IAlgorithmSelector IBuilderConfig.algorithm_selector
        CalibrationAlgoType IBuilderConfig.int8_calibrator IInt8Calibrator IInt8EntropyCalibrator
        IInt8EntropyCalibrator2 IInt8LegacyCalibrator IInt8MinMaxCalibrator
        IBuilderConfig.get_calibration_profile IBuilderConfig.set_calibration_profile
        IBuilderConfig.quantization_flags IBuilderConfig.set_quantization_flag IBuilderConfig.clear_quantization_flag
        QuantizationFlag QuantizationFlag.CALIBRATE_BEFORE_FUSION
        IBuilderConfig.get_quantization_flag
        ILayer.output_type_is_set ILayer.precision ILayer.precision_is_set ILayer.reset_output_type
        ILayer.reset_precision ILayer.set_output_type
        ITensor.dynamic_range ITensor.reset_dynamic_range ITensor.set_dynamic_range
        NetworkDefinitionCreationFlag.EXPLICIT_BATCH
        PreviewFeature.PROFILE_SHARING_0806
        TacticSource.CUBLAS TacticSource.CUBLAS_LT TacticSource.CUDNN
        """,
    "TensorRT 10.0 to 10.16": "BuilderFlag.BF16 BuilderFlag.WEIGHTLESS ICudaEngine.weight_streaming_budget",
    "TensorRT 10.3 to 10.16": "BuilderFlag.INT4",
    "TensorRT 10.8 to 10.16": "BuilderFlag.FP4",
    "TensorRT 10.16": "PreviewFeature.MULTIDEVICE_RUNTIME_10_16",
    "TensorRT 10.13 to 11.4": """
        IBuilderConfig.remote_auto_tuning_config
        NetworkDefinitionCreationFlag.PREFER_AOT_PYTHON_PLUGINS NetworkDefinitionCreationFlag.PREFER_JIT_PYTHON_PLUGINS
        """,
    f"TensorRT 10.0 to 11.4 and {_RTX}": """
        BuilderFlag.DISABLE_COMPILATION_CACHE BuilderFlag.ERROR_ON_TIMING_CACHE_MISS BuilderFlag.REFIT_IDENTICAL
        BuilderFlag.STRIP_PLAN BuilderFlag.WEIGHT_STREAMING
        DataType.BF16 DataType.INT4 DataType.INT64
        ExecutionContextAllocationStrategy
        ICudaEngine.streamable_weights_size
        IBuilderConfig.progress_monitor IProgressMonitor
        INetworkDefinition.mark_debug
        MemoryPoolType.TACTIC_SHARED_MEMORY
        NetworkDefinitionCreationFlag.STRONGLY_TYPED
        SerializationFlag
        """,
    f"TensorRT 10.3 to 11.4 and {_RTX}": """
        BuilderFlag.REFIT_INDIVIDUAL
        IBuilderConfig.runtime_platform
        RuntimePlatform RuntimePlatform.SAME_AS_BUILD RuntimePlatform.WINDOWS_AMD64
        PreviewFeature.ALIASED_PLUGIN_IO_10_03
        """,
    f"TensorRT 10.8 to 11.4 and {_RTX}": """
        BuilderFlag.EDITABLE_TIMING_CACHE BuilderFlag.MONITOR_MEMORY BuilderFlag.STRICT_NANS
        DataType.FP4
        IBuilderConfig.tiling_optimization_level
        TilingOptimizationLevel TilingOptimizationLevel.FAST TilingOptimizationLevel.FULL
        TilingOptimizationLevel.MODERATE TilingOptimizationLevel.NONE
        """,
    f"TensorRT 10.13 to 11.4 and {_RTX}": """
        BuilderFlag.DISTRIBUTIVE_INDEPENDENCE
        DataType.E8M0
        HardwareCompatibilityLevel.SAME_COMPUTE_CAPABILITY
        INetworkDefinition.mark_unfused_tensors_as_debug_tensors
        IStreamWriter
        OnnxParserFlag.ENABLE_UINT8_AND_ASYMMETRIC_QUANTIZATION_DLA
        PreviewFeature.RUNTIME_ACTIVATION_RESIZE_10_10
        """,
    f"TensorRT 10.16 to 11.4 and {_RTX}": """
        IAttention IAttention.decomposable
        OnnxParserFlag.ADJUST_FOR_DLA OnnxParserFlag.ENABLE_PLUGIN_OVERRIDE OnnxParserFlag.REPORT_CAPABILITY_DLA
        SerializationFlag.INCLUDE_REFIT
        """,
    f"TensorRT 11.4 and {_RTX}": "DLAWorkspaceAllocationStrategy",
    _RTX: """
        BuilderFlag.REQUIRE_USER_ALLOCATION
        ComputeCapability ComputeCapability.CURRENT ComputeCapability.NONE ComputeCapability.SM75
        ComputeCapability.SM80 ComputeCapability.SM86 ComputeCapability.SM89 ComputeCapability.SM120
        ComputeCapability.SM121
        IBuilderConfig.num_compute_capabilities IBuilderConfig.set_compute_capability
        """,
}

WHERE: dict[str, str] = {name: releases for releases, names in _GROUPS.items() for name in names.split()}
"""Dotted name of a type or a member, as in `has`, to the releases that have it."""

_EVERYWHERE = """
    EngineCapability.DLA_STANDALONE EngineCapability.SAFETY EngineCapability.STANDARD
    HardwareCompatibilityLevel.AMPERE_PLUS HardwareCompatibilityLevel.NONE
    MemoryPoolType.DLA_GLOBAL_DRAM MemoryPoolType.DLA_LOCAL_DRAM MemoryPoolType.DLA_MANAGED_SRAM
    MemoryPoolType.TACTIC_DRAM MemoryPoolType.WORKSPACE
    ProfilingVerbosity.DETAILED ProfilingVerbosity.LAYER_NAMES_ONLY ProfilingVerbosity.NONE
    TacticSource.EDGE_MASK_CONVOLUTIONS TacticSource.JIT_CONVOLUTIONS
    """
"""What all of them have of the enumerations that options name members of."""


def members(type_name: str) -> list[str]:
    """The members of an enumeration that options name members of, of all nine releases together."""
    names = (name.partition(".") for name in (*_EVERYWHERE.split(), *WHERE))
    return [member for owner, _, member in names if owner == type_name and member]


def where(feature: str) -> str | None:
    """The releases that have a type or member, or None where this table says nothing of it."""
    return WHERE.get(feature) or WHERE.get(feature.partition(".")[0])


def removal(releases: str) -> str:
    """For what these releases have, which release removed it: text to follow; empty where none did."""
    return " (release 11.0 removed it, TensorRT-RTX never had it)" if releases.endswith(" to 10.16") else ""
