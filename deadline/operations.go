package deadline

import "strings"

// binding is the HTTP form of an operation: its method and its path below the API's
// version, in which a segment in braces stands for any text.
type binding struct {
	operation, method, path string
}

// bindings are all operations of AWS's model.
var bindings = []binding{
	{"AssociateMemberToFarm", "PUT", "farms/{farmId}/members/{principalId}"},
	{"AssociateMemberToFleet", "PUT", "farms/{farmId}/fleets/{fleetId}/members/{principalId}"},
	{"AssociateMemberToJob", "PUT", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/members/{principalId}"},
	{"AssociateMemberToQueue", "PUT", "farms/{farmId}/queues/{queueId}/members/{principalId}"},
	{"AssumeFleetRoleForRead", "GET", "farms/{farmId}/fleets/{fleetId}/read-roles"},
	{"AssumeFleetRoleForWorker", "GET", "farms/{farmId}/fleets/{fleetId}/workers/{workerId}/fleet-roles"},
	{"AssumeQueueRoleForRead", "GET", "farms/{farmId}/queues/{queueId}/read-roles"},
	{"AssumeQueueRoleForUser", "GET", "farms/{farmId}/queues/{queueId}/user-roles"},
	{"AssumeQueueRoleForWorker", "GET", "farms/{farmId}/fleets/{fleetId}/workers/{workerId}/queue-roles"},
	{"BatchGetJob", "POST", "batch-get-job"},
	{"BatchGetJobEntity", "POST", "farms/{farmId}/fleets/{fleetId}/workers/{workerId}/batchGetJobEntity"},
	{"BatchGetSession", "POST", "batch-get-session"},
	{"BatchGetSessionAction", "POST", "batch-get-session-action"},
	{"BatchGetStep", "POST", "batch-get-step"},
	{"BatchGetTask", "POST", "batch-get-task"},
	{"BatchGetWorker", "POST", "batch-get-worker"},
	{"BatchUpdateJob", "PATCH", "batch-update-job"},
	{"BatchUpdateTask", "PATCH", "batch-update-task"},
	{"CopyJobTemplate", "POST", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/template"},
	{"CreateBudget", "POST", "farms/{farmId}/budgets"},
	{"CreateFarm", "POST", "farms"},
	{"CreateFleet", "POST", "farms/{farmId}/fleets"},
	{"CreateJob", "POST", "farms/{farmId}/queues/{queueId}/jobs"},
	{"CreateLicenseEndpoint", "POST", "license-endpoints"},
	{"CreateLimit", "POST", "farms/{farmId}/limits"},
	{"CreateMonitor", "POST", "monitors"},
	{"CreateQueue", "POST", "farms/{farmId}/queues"},
	{"CreateQueueEnvironment", "POST", "farms/{farmId}/queues/{queueId}/environments"},
	{"CreateQueueFleetAssociation", "PUT", "farms/{farmId}/queue-fleet-associations"},
	{"CreateQueueLimitAssociation", "PUT", "farms/{farmId}/queue-limit-associations"},
	{"CreateStorageProfile", "POST", "farms/{farmId}/storage-profiles"},
	{"CreateWorker", "POST", "farms/{farmId}/fleets/{fleetId}/workers"},
	{"DeleteBudget", "DELETE", "farms/{farmId}/budgets/{budgetId}"},
	{"DeleteFarm", "DELETE", "farms/{farmId}"},
	{"DeleteFleet", "DELETE", "farms/{farmId}/fleets/{fleetId}"},
	{"DeleteLicenseEndpoint", "DELETE", "license-endpoints/{licenseEndpointId}"},
	{"DeleteLimit", "DELETE", "farms/{farmId}/limits/{limitId}"},
	{"DeleteMeteredProduct", "DELETE", "license-endpoints/{licenseEndpointId}/metered-products/{productId}"},
	{"DeleteMonitor", "DELETE", "monitors/{monitorId}"},
	{"DeleteQueue", "DELETE", "farms/{farmId}/queues/{queueId}"},
	{"DeleteQueueEnvironment", "DELETE", "farms/{farmId}/queues/{queueId}/environments/{queueEnvironmentId}"},
	{"DeleteQueueFleetAssociation", "DELETE", "farms/{farmId}/queue-fleet-associations/{queueId}/{fleetId}"},
	{"DeleteQueueLimitAssociation", "DELETE", "farms/{farmId}/queue-limit-associations/{queueId}/{limitId}"},
	{"DeleteStorageProfile", "DELETE", "farms/{farmId}/storage-profiles/{storageProfileId}"},
	{"DeleteVolume", "DELETE", "farms/{farmId}/fleets/{fleetId}/volumes/{volumeId}"},
	{"DeleteWorker", "DELETE", "farms/{farmId}/fleets/{fleetId}/workers/{workerId}"},
	{"DisassociateMemberFromFarm", "DELETE", "farms/{farmId}/members/{principalId}"},
	{"DisassociateMemberFromFleet", "DELETE", "farms/{farmId}/fleets/{fleetId}/members/{principalId}"},
	{"DisassociateMemberFromJob", "DELETE", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/members/{principalId}"},
	{"DisassociateMemberFromQueue", "DELETE", "farms/{farmId}/queues/{queueId}/members/{principalId}"},
	{"GetBudget", "GET", "farms/{farmId}/budgets/{budgetId}"},
	{"GetFarm", "GET", "farms/{farmId}"},
	{"GetFleet", "GET", "farms/{farmId}/fleets/{fleetId}"},
	{"GetJob", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}"},
	{"GetLicenseEndpoint", "GET", "license-endpoints/{licenseEndpointId}"},
	{"GetLimit", "GET", "farms/{farmId}/limits/{limitId}"},
	{"GetMonitor", "GET", "monitors/{monitorId}"},
	{"GetMonitorSettings", "GET", "monitors/{monitorId}/settings"},
	{"GetQueue", "GET", "farms/{farmId}/queues/{queueId}"},
	{"GetQueueEnvironment", "GET", "farms/{farmId}/queues/{queueId}/environments/{queueEnvironmentId}"},
	{"GetQueueFleetAssociation", "GET", "farms/{farmId}/queue-fleet-associations/{queueId}/{fleetId}"},
	{"GetQueueLimitAssociation", "GET", "farms/{farmId}/queue-limit-associations/{queueId}/{limitId}"},
	{"GetSession", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/sessions/{sessionId}"},
	{"GetSessionAction", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/session-actions/{sessionActionId}"},
	{"GetSessionsStatisticsAggregation", "GET", "farms/{farmId}/sessions-statistics-aggregation"},
	{"GetStep", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/steps/{stepId}"},
	{"GetStorageProfile", "GET", "farms/{farmId}/storage-profiles/{storageProfileId}"},
	{"GetStorageProfileForQueue", "GET", "farms/{farmId}/queues/{queueId}/storage-profiles/{storageProfileId}"},
	{"GetTask", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/steps/{stepId}/tasks/{taskId}"},
	{"GetVolume", "GET", "farms/{farmId}/fleets/{fleetId}/volumes/{volumeId}"},
	{"GetWorker", "GET", "farms/{farmId}/fleets/{fleetId}/workers/{workerId}"},
	{"ListAvailableMeteredProducts", "GET", "metered-products"},
	{"ListBudgets", "GET", "farms/{farmId}/budgets"},
	{"ListFarmMembers", "GET", "farms/{farmId}/members"},
	{"ListFarms", "GET", "farms"},
	{"ListFleetMembers", "GET", "farms/{farmId}/fleets/{fleetId}/members"},
	{"ListFleets", "GET", "farms/{farmId}/fleets"},
	{"ListJobMembers", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/members"},
	{"ListJobParameterDefinitions", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/parameter-definitions"},
	{"ListJobs", "GET", "farms/{farmId}/queues/{queueId}/jobs"},
	{"ListLicenseEndpoints", "GET", "license-endpoints"},
	{"ListLimits", "GET", "farms/{farmId}/limits"},
	{"ListMeteredProducts", "GET", "license-endpoints/{licenseEndpointId}/metered-products"},
	{"ListMonitors", "GET", "monitors"},
	{"ListQueueEnvironments", "GET", "farms/{farmId}/queues/{queueId}/environments"},
	{"ListQueueFleetAssociations", "GET", "farms/{farmId}/queue-fleet-associations"},
	{"ListQueueLimitAssociations", "GET", "farms/{farmId}/queue-limit-associations"},
	{"ListQueueMembers", "GET", "farms/{farmId}/queues/{queueId}/members"},
	{"ListQueues", "GET", "farms/{farmId}/queues"},
	{"ListSessionActions", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/session-actions"},
	{"ListSessions", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/sessions"},
	{"ListSessionsForWorker", "GET", "farms/{farmId}/fleets/{fleetId}/workers/{workerId}/sessions"},
	{"ListStepConsumers", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/steps/{stepId}/consumers"},
	{"ListStepDependencies", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/steps/{stepId}/dependencies"},
	{"ListSteps", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/steps"},
	{"ListStorageProfiles", "GET", "farms/{farmId}/storage-profiles"},
	{"ListStorageProfilesForQueue", "GET", "farms/{farmId}/queues/{queueId}/storage-profiles"},
	{"ListTagsForResource", "GET", "tags/{resourceArn}"},
	{"ListTasks", "GET", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/steps/{stepId}/tasks"},
	{"ListVolumes", "GET", "farms/{farmId}/fleets/{fleetId}/volumes"},
	{"ListWorkers", "GET", "farms/{farmId}/fleets/{fleetId}/workers"},
	{"PutMeteredProduct", "PUT", "license-endpoints/{licenseEndpointId}/metered-products/{productId}"},
	{"SearchJobs", "POST", "farms/{farmId}/search/jobs"},
	{"SearchSteps", "POST", "farms/{farmId}/search/steps"},
	{"SearchTasks", "POST", "farms/{farmId}/search/tasks"},
	{"SearchWorkers", "POST", "farms/{farmId}/search/workers"},
	{"StartSessionsStatisticsAggregation", "POST", "farms/{farmId}/sessions-statistics-aggregation"},
	{"TagResource", "POST", "tags/{resourceArn}"},
	{"UntagResource", "DELETE", "tags/{resourceArn}"},
	{"UpdateBudget", "PATCH", "farms/{farmId}/budgets/{budgetId}"},
	{"UpdateFarm", "PATCH", "farms/{farmId}"},
	{"UpdateFleet", "PATCH", "farms/{farmId}/fleets/{fleetId}"},
	{"UpdateJob", "PATCH", "farms/{farmId}/queues/{queueId}/jobs/{jobId}"},
	{"UpdateLimit", "PATCH", "farms/{farmId}/limits/{limitId}"},
	{"UpdateMonitor", "PATCH", "monitors/{monitorId}"},
	{"UpdateMonitorSettings", "PATCH", "monitors/{monitorId}/settings"},
	{"UpdateQueue", "PATCH", "farms/{farmId}/queues/{queueId}"},
	{"UpdateQueueEnvironment", "PATCH", "farms/{farmId}/queues/{queueId}/environments/{queueEnvironmentId}"},
	{"UpdateQueueFleetAssociation", "PATCH", "farms/{farmId}/queue-fleet-associations/{queueId}/{fleetId}"},
	{"UpdateQueueLimitAssociation", "PATCH", "farms/{farmId}/queue-limit-associations/{queueId}/{limitId}"},
	{"UpdateSession", "PATCH", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/sessions/{sessionId}"},
	{"UpdateStep", "PATCH", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/steps/{stepId}"},
	{"UpdateStorageProfile", "PATCH", "farms/{farmId}/storage-profiles/{storageProfileId}"},
	{"UpdateTask", "PATCH", "farms/{farmId}/queues/{queueId}/jobs/{jobId}/steps/{stepId}/tasks/{taskId}"},
	{"UpdateWorker", "PATCH", "farms/{farmId}/fleets/{fleetId}/workers/{workerId}"},
	{"UpdateWorkerSchedule", "PATCH", "farms/{farmId}/fleets/{fleetId}/workers/{workerId}/schedule"},
}

// OperationOf gives the name of the operation that a method and the segments of a path
// below the API's version stand for, and "" where AWS's model has none.
func OperationOf(method string, segments []string) string {
	for _, b := range bindings {
		if b.method == method && b.matches(segments) {
			return b.operation
		}
	}
	return ""
}

func (b *binding) matches(segments []string) bool {
	i, rest := 0, b.path
	for more := true; more; i++ {
		var want string
		want, rest, more = strings.Cut(rest, "/")
		if i == len(segments) || want != segments[i] && !strings.HasPrefix(want, "{") {
			return false
		}
	}
	return i == len(segments)
}
