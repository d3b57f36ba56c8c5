// The whole C++ API of MediScan.
//
//     auto& manager = mediscan::ModelManager::shared();
//     mediscan::SkinAnalyzer skin{manager.load("models/skin-demo")};        // loaded once, cached
//     auto result = skin.analyze(mediscan::Image::read("lesion.jpg"));
//     for (const auto& finding : result.findings) std::cout << finding.label << ' ' << finding.probability.value_or(0)
//     << '\n';
//
// Every failure is a mediscan::Error with code, stage, message and hint. Research use only, not a medical device.
#pragma once

#include <mediscan/analyzer.hpp>
#include <mediscan/backend.hpp>
#include <mediscan/bundle.hpp>
#include <mediscan/error.hpp>
#include <mediscan/image.hpp>
#include <mediscan/job.hpp>
#include <mediscan/metrics.hpp>
#include <mediscan/model_manager.hpp>
#include <mediscan/options.hpp>
#include <mediscan/preprocess.hpp>
#include <mediscan/quantize.hpp>
#include <mediscan/result.hpp>
#include <mediscan/system.hpp>
#include <mediscan/tune.hpp>
